"""How people put the questions of single topics, third part: whole questions, by topic id. Words only."""

from __future__ import annotations

from training.dialogues.phrasing import lines

FORMS: dict[str, tuple[str, ...]] = {
    "why_moe_fast": lines("""
        how come [a MoE|a mixture of experts] [writes|generates|answers] so [fast|quickly] for its size?
        my [30B|big|huge] MoE is [quicker|faster] than a [14B|small] model that is not one, [why|how can that be]?
        [why|for what reason] does a [MoE|mixture-of-experts model] [outrun|beat] an ordinary model of the same size?
        [explain|tell me] why [MoE models|mixtures of experts] are so [speedy|quick|fast]
        do [MoE|mixture of experts] models [run|generate|decode] faster [than others|than their size suggests|]?
        where does the [speed|quickness] of [a MoE|a mixture of experts|MoE models] come from?
        [MoE|mixture of experts] [speed reason|why so fast|fast because of what]
        does a [MoE|mixture of experts] [save memory|use less RAM|fit in less memory] [too|as well|] or is it [only|just] faster?
        [so many|billions of] parameters and [still|yet] the [MoE|mixture of experts] is [fast|quick], how [is that possible|so]?
    """),
    "why_long_slow": lines("""
        the [longer|more] we [talk|chat], the [slower|more sluggish] it gets
        why does the [speed|number of tokens per second] [drop|fall|go down] [as the chat grows|in a long conversation|after many turns]?
        it [was|started] [quick|fast] at first and [now|after an hour] it [crawls|is really slow], why?
        after [twenty|thirty|fifty] [questions|messages|turns] the replies [come|arrive] [slower|much more slowly]
        what makes a [long|lengthy|huge] [chat|conversation|history] [slow|so sluggish]?
        [slow|sluggish] after [many messages|a long chat|a lot of turns]
        [is it normal that|how come] [generation|writing|the model] slows down [over time|as the history grows]?
        the [more history there is|longer the context gets], the [fewer tokens per second|lower the speed] I [see|get]
        our [chat|conversation] has [become|grown] very long and [each|every] [word|answer] now [takes longer|comes more slowly]
    """),
    "why_pickle": lines("""
        [what is|what's] [so|] [dangerous|risky|unsafe|wrong] about [.bin files|.pt files|pickled weights]?
        why [won't|doesn't|can't] causerie [open|accept|read|load] [.bin|.pt|pickle] files?
        for what reason [do you|does causerie] [reject|refuse|ban] [pickle|pickled weights|.pt files]?
        why [should I avoid|not just use] [pickle files|pickled weights|pytorch .bin files]?
        [reason|explanation] for [refusing|not loading] [pickle|.bin files|pickled weights]
        is it [really|] [dangerous|risky|unsafe] to [open|load] a [.bin|.pt|pickle] file?
        other [programs|tools] [load|accept] my [.bin|.pt|pickle] file, why [don't you|does causerie not]?
        can a [pickle|.bin|.pt] file [harm|infect|damage] my [computer|machine]?
        why safetensors [only|] and not [pickle|.bin|.pt]?
    """),
    "why_cut": lines("""
        [it|the model|the answer] [stops|breaks off|ends] in the middle of a [sentence|word]
        why do [your|the|its] [answers|replies] [end|stop] [halfway|too early|mid-sentence]?
        the [reply|response|text|story] is [truncated|chopped off|cut short|unfinished]
        the [last|final] sentence is [never|not] [finished|completed]
        it [never finishes|doesn't finish|won't finish|never completes] its [sentences|answers|replies]
        half of the [answer|reply|code|list] is [missing|not there], it just [stops|ends]
        I asked for a [long story|whole page|full list] and [it|the model] [quit|stopped] [halfway|before the end]
        [answer|output|reply|text] [cut off|truncated|incomplete]
        what [makes the answer break off|makes the answer end abruptly|causes an answer to stop before it is done]? [it isn't complete|]
    """),
    "why_vary": lines("""
        why is the [answer|reply|output] never [the same|identical] [twice|]?
        I [typed|asked|sent] the same [thing|question|prompt] twice and got [two different|two unlike|different] [answers|replies]
        each [run|try|time] [gives|brings|yields] [another|a new|a different] [answer|result]
        why does [it|the model] [say|tell me|answer] something else [each|every] time?
        same [prompt|question], different [answer|output|result] [why|each time|]
        the [results|answers|replies] [change|vary|differ] from [run to run|one run to the next]
        my [test|script] fails because the [output|reply|answer] is [never the same|different on each run]
        how can the same [question|prompt] [lead to|give|produce] [several|different] [answers|results]?
        [it|the model] is [inconsistent|not consistent], [yesterday|a minute ago] it [answered|said] something else to the [same|very same] question
    """),
    "why_same": lines("""
        why do I [keep getting|get] the [exact|very] same [answer|reply|text] [again and again|over and over|]?
        [it|the model] [says|writes] the [same|identical] thing [each|every] time I [ask|try|rerun it]
        [however|no matter how] often I ask, the [reply|answer|output] [is identical|stays the same|does not change]
        I [reran|repeated|resent] the [prompt|question] [five|ten] times and got [one and the same|an identical] [answer|text]
        same [output|answer|reply] on [every|each] run, [why|no variety|I expected variety]
        what [keeps|makes] the [answer|output|reply] [from ever changing|always identical|come out the same every time]?
        why is there no [variety|variation|randomness] in the [answers|replies|output] when I ask [again|twice]?
        [trying again|asking again|restarting] [never gives|never brings|does not give] [me a new|another|a different] answer
        the [answers|replies] are [always|all] [identical|the same] for one [prompt|question], [how come|what is the cause]
    """),
    "why_base_rambles": lines("""
        [instead of|rather than] answering, [it|the model] [just|only] [continues|carries on] my [text|sentence]
        I [asked|put] a question and the model [wrote|made up] [more questions|a whole article] instead of [answering|an answer]
        why does [this|the|my] base model [ramble|babble|drone on|go on forever]?
        it [rambles|babbles|talks] on and on and never [answers|gets to an answer]
        the model [ignores|does not react to] my question and [writes|produces] [random|some unrelated] text
        [model|base model] [rambling|does not answer|never stops writing|babbles]
        the model I loaded [plays both sides|writes my part too|goes on with my part] and [never stops|doesn't end]
        my [model|download] completes [the sentence|what I type] [but|and] [gives no answer|does not reply to it]
        why [can't I get|do I not get] a [real|proper] [answer|reply] from a [base|pretrained] model?
    """),
    "why_quant_fast": lines("""
        why [is a 4-bit model|would a 4-bit model be|is a quantized model|are 8-bit models] [faster|quicker]?
        how can [fewer bits|smaller weights|quantization] [make it faster|make a model quicker|bring more tokens per second]?
        [does|will|would] [quantizing|quantization|going to 4-bit] [speed things up|make generation quicker|bring more speed]?
        I [switched|went] to [4-bit|8-bit] and the [speed|number of tokens per second] [rose|went up|jumped], [why|how come]?
        [reason|explanation] for the speed of [quantized|4-bit|8-bit] [weights|models]
        [quantization|4-bit|8-bit] speed [gain|benefit] [why|reason|]
        [is there|do I get] a speed [gain|benefit|advantage] from [quantization|quantized weights|fewer bits]?
        what has [quantization|the number of bits] to do with [speed|tokens per second]?
        [explain|tell me] why [quantized|4-bit|compressed] weights [run|decode|generate] [faster|more quickly]
    """),
    "why_causerie": lines("""
        what [is the point|are the advantages|are the benefits] of [causerie|this program]?
        why [would|should] [I|anyone|somebody] [choose|pick|prefer|take] causerie?
        what does causerie [do better than|offer that is not in|have that is missing in] transformers? [|just curious]
        [convince me to|give me a reason to|give me one good reason to] [use|try|install] causerie
        [why|for what reason] was causerie [written|made|started] [when transformers already exists|]?
        causerie [vs|versus|or|compared to] transformers
        I already [have|use] transformers, [what do I gain from|why bother with|what is better in] causerie?
        what [sets causerie apart|makes causerie special|makes causerie different from transformers|is so special about causerie]?
        is causerie [better|quicker|lighter] than [transformers|the transformers library]?
    """),
    "cpu_gpu": lines("""
        [is a GPU|would a GPU be] [worth it|worth the money|much faster than a CPU]?
        [should I run|is it better to run] [it|a model|causerie] on the [CPU or the GPU|GPU or the CPU]?
        can [causerie|this] [work|run] on a [laptop|machine|computer] [with no|without a] graphics card?
        how does a GPU [differ from|beat|compare with] a CPU [here|for chatting|for language models]?
        I [have|own] [no|only a CPU and no] graphics card, [is that enough|will it work|does that matter]?
        [processor|CPU] or [graphics card|GPU], which [one|] [is better|should I take|is quicker]?
        is a [graphics card|GPU|video card] [required|necessary|a must|mandatory]?
        [CPU or GPU|GPU or CPU|GPU versus CPU] [for causerie|for running models|]
        what do I [gain|lose] [with a GPU instead of a CPU|with a CPU instead of a GPU|on a CPU compared with a GPU]?
    """),
    "bf16_fp16": lines("""
        which [is better|should I take|is the better choice], [bf16 or fp16|float16 or bf16|bfloat16 or float16]?
        how [does bf16 differ|is bf16 different] from [fp16|float16|half precision]?
        [aren't|are] bf16 and [fp16|float16] [the same thing|the same|identical]?
        [both|bf16 and fp16 both] have 16 bits, so [what sets bf16 and fp16 apart|how do bf16 and fp16 differ]?
        [bf16 or fp16|fp16 or bf16|float16 vs bfloat16|bf16 versus float16] [|difference|which one]
        does [bf16|bfloat16] have more [range|digits|precision] than [fp16|float16]?
        my checkpoint [is in|is stored in] [float16|bf16], should I [load it in|turn it into|use] [the other 16-bit type|the other of bf16 and float16]?
        [compare|explain the difference between] the two 16-bit [formats|types|float types], [bf16 and float16|fp16 and bfloat16]
        which of the [two|] 16-bit [formats|types|floats] should I [pick|use|load a model in]?
    """),
    "base_chat": lines("""
        how [does a base model differ|is a base model different] from [an instruct model|a chat model|an instruct one]?
        should I [take|get|download|pick] the [base or the instruct|instruct or the base|base or the chat] [version|model|one]?
        there is a version with Instruct [in the name|at the end] and one without, [which do I take|what is the difference]?
        [Qwen2.5-0.5B|Llama-3.2-1B] or [its Instruct version|the one with Instruct in its name], which [one|] [can I talk to|should I get|is for chatting]?
        [base or instruct|instruct or base|base versus chat|instruct vs base] [model|version|]
        [compare|explain the difference between] [base and chat|base and instruct|instruct and base] models
        what does [Instruct|an instruct model|a chat model] [do|have|bring] that [the base version|a base model] [does not|lacks]?
        which kind [of model is|is] [better|right|meant] for [talking|conversation], base or [chat|instruct]?
        is [a base model|the base version] [the same as|as good to talk to as|just as usable as] [a chat model|the instruct version]?
    """),
    "prefill_decode": lines("""
        how [does prefill differ|is prefill different] from [decode|decoding]?
        what are the two [phases|stages|steps] [of generation|of generating|prefill and decode] [|and how do they differ]?
        which [is slower|takes longer|costs more], [prefill or decode|decode or prefill]?
        [prefill or decode|decode versus prefill|prefill against decode] [difference|compared|]
        [compare|contrast] [prefill with decode|decode with prefill|the prefill and decode phases]
        why is [prefill|reading the prompt] [limited|bound] by [compute|arithmetic] and [decode|writing] by [memory|bandwidth]?
        I [mix up|confuse|never can tell apart] [prefill and decode|decode and prefill|the prefill and the decode phase]
        [does decode do|is decode doing] the same [work|thing] as prefill?
        what [separates|distinguishes] [prefill from decode|the prefill phase from the decode phase|reading the prompt from writing the answer]?
    """),
    "greedy_sampling": lines("""
        should I [use|choose|take|set] [greedy or sampling|sampling or greedy|greedy decoding or sampling]?
        how [does [greedy decoding|greedy] differ|is [greedy decoding|greedy] different] from [sampling|random sampling]?
        which [is better|one is better|gives better text], greedy [decoding|] or sampling?
        [compare|contrast] [greedy with sampling|sampling with greedy decoding|greedy decoding with random sampling]
        [what changes between|what is the difference between] [do_sample=True and do_sample=False|do_sample=False and do_sample=True]?
        [greedy or sampling|sampling or greedy|do_sample True or False|greedy versus sampling] [|difference]
        always [the likeliest token|the top token] or [a random one|one drawn at random], [which is better|how do these two differ]?
        when [do I want|should I use] [greedy and when sampling|sampling and when greedy|greedy rather than sampling]?
        [I can't decide|help me decide] between [greedy and sampling|sampling and greedy decoding]
    """),
    "topk_topp": lines("""
        should I [use|set|change] [top_k or top_p|top_p or top_k|top-k or top-p]?
        how [does [top_k|top-k] differ|is [top_k|top-k] different] from [top_p|top-p]?
        [can|may|should] I [combine|use|set] [top_k and top_p|top_p and top_k] [together|at the same time]?
        [do|don't] [top_k and top_p|top-p and top-k] [do|mean] the same [thing|]?
        [top_k or top_p|top_p versus top_k|top-k versus top-p|top p vs top k] [|difference|which is better]
        I [mix up|confuse|always mix up] [top_k and top_p|top_p with top_k|top-k with top-p]
        [compare|contrast] [top_k with top_p|top_p with top_k|the two flags top_k and top_p]
        which [is better|cuts more|is the better cut], [top_k or top_p|top_p or top_k]?
        [one|one of them] is called [top_k|top k] and the other [top_p|top p], [what is the difference|how do they differ]?
    """),
    "eight_four": lines("""
        should I [load|run|use|take] a model in [8-bit or 4-bit|4-bit or 8-bit|8 or 4 bits]?
        how much [quality|accuracy] [do I lose|is lost] [going from 8-bit to 4-bit|between 8-bit and 4-bit]?
        which [loses|costs] less quality, [8-bit or 4-bit|4-bit or 8-bit|int8 or int4]?
        is [4-bit|int4] [much|a lot|noticeably] [worse|smaller|quicker] than [8-bit|int8]?
        [8-bit or 4-bit|4-bit or 8-bit|int8 or int4|8 bits vs 4 bits|load_in_8bit or load_in_4bit] [|which one|difference]
        [compare|contrast] [8-bit with 4-bit|4-bit with 8-bit|int8 with int4]
        [load_in_4bit|load_in_8bit] or [the other one of the two|the other number of bits], which [is better|should I set]?
        how [does [4-bit|int4] differ|is [4-bit|int4] different] from [8-bit|int8]?
        half a byte or a [whole|full] byte [a|per] [weight|parameter], which [is better|should I take|is the better deal]?
    """),
    "dense_moe": lines("""
        how [does a dense model differ|is a dense model different] from a [MoE|mixture of experts]?
        should I [take|get|choose|download] a [dense model or a MoE|MoE or a dense model|dense one or a mixture of experts]?
        [dense or MoE|MoE versus dense|dense model vs mixture of experts|MoE or dense] [|difference|which is better]
        what does a [MoE|mixture of experts] do [differently|that is different] from a dense model?
        [compare|contrast] a dense model [with|and] a [MoE|mixture of experts]
        does a dense model [read|use] more weights [per|for each] token than a [MoE|mixture of experts]?
        is a [MoE|mixture of experts] [better|lighter] than a [dense|normal dense] model?
        which [needs|takes] [more|less] memory, a [MoE or a dense model|dense model or a MoE]?
        what is the opposite of a [MoE|mixture of experts], and how [do the two|do they] differ?
    """),
    "pipeline_generate": lines("""
        should I call [pipeline or generate|generate or the pipeline|the pipeline or model.generate] [in my code|]?
        how [does the pipeline differ|is the pipeline different] from [generate|model.generate|calling generate]?
        when is [pipeline|the pipeline] [the right choice|the better choice|better] and when [generate|model.generate]?
        [pipeline or generate|generate versus pipeline|model.generate vs pipeline] [|difference|which one]
        is [generate|model.generate] [faster|quicker|better] than [the pipeline|pipeline]?
        [compare|contrast] [the pipeline with generate|generate with the pipeline|pipeline with model.generate]
        what does the pipeline do that [generate|model.generate] does not [do|]?
        [do|don't] [pipeline and generate|generate and the pipeline] [do the same thing|run on the same engine]?
        one takes [messages|text] and one takes tokens, [pipeline or generate|generate or pipeline], which [do I want|is which]?
    """),
    "token_word": lines("""
        is a token [just|the same as|simply] a word [or a part of one|]?
        how [does a token differ|is a token different] from a [plain|normal|] word?
        how many tokens [are there in|make up|does it take to write] [a|one|an ordinary] word?
        [does|will] [every|each|one] word [count as|become|make] [one|exactly one] token?
        why is the [count|number] of tokens [higher|larger] than the [count|number] of words?
        [token or word|word vs token|words versus tokens] [|difference]
        my text has [300|500|1000] words but [more|far more] tokens, [why|how come]?
        [can|may] a [long|rare|single] word be [several|two or three|more than one] tokens?
        [are|aren't] tokens and words [one and the same|the same thing|equal]?
    """),
    "clear_exit": lines("""
        do I [type|need|want] [clear or exit|exit or clear|`clear` or `exit`] [here|]?
        how [does [clear|`clear`] differ|is [clear|`clear`] different] from [exit|`exit`]?
        does [clear|`clear`] [leave|close|quit] the chat [like exit|as exit does|the way `exit` does]?
        [clear or exit|exit versus clear|clear vs exit] [|difference|which one]
        is [typing|] [exit|`exit`] the same [thing as|as] [clear|`clear`]?
        which [of them|command] [keeps|leaves] the chat open, [clear or exit|exit or clear]?
        what [sets|tells] [clear and exit|`clear` and `exit`|exit and clear] apart?
        which one [only forgets|wipes the history] and which one [leaves|quits], [clear or exit|exit or clear]?
        [I mix up|explain] the commands [clear and exit|exit and clear|`clear` and `exit`]
    """),
    "system_user": lines("""
        how [does a system message differ|is a system message different] from a user [message|one]?
        should I put [this|my instruction|my text] in the [system or the user|user or the system] [message|role]?
        [system or user|user versus system|system vs user] [message|role|prompt]
        [what goes|what do I write] into the system message and what into the user [message|one]?
        is a system [message|prompt] [just|simply] [another|a special] user message?
        [does|will] the model treat [system and user|user and system] messages [alike|the same|differently]?
        [compare|contrast] the [system and user|user and system] [roles|messages]
        where does [an instruction|a rule] belong, in [role system or role user|the system or the user message]?
        which [weighs more|directs the whole chat], [the system or the user message|a user or a system message]?
    """),
    "chat_serve": lines("""
        should I [run|use|start] [causerie chat or causerie serve|causerie serve or causerie chat|`causerie chat` or `causerie serve`]?
        how [does [causerie serve|`causerie serve`] differ|is [causerie serve|`causerie serve`] different] from [causerie chat|`causerie chat`]?
        [chat or serve|serve versus chat|causerie chat vs causerie serve|chat vs serve] [|difference]
        is [causerie serve|`causerie serve`] [a chat too|the same as causerie chat|something else than causerie chat]?
        which [command|one] is for [programs and which for people|me and which for my programs], [chat or serve|serve or chat]?
        when [do|would] I need [serve and when chat|serve instead of chat|serve rather than chat]?
        [compare|contrast] [the commands chat and serve|causerie chat with causerie serve|causerie serve with causerie chat]
        what can [causerie serve|serve] do that [causerie chat|chat] [cannot|can't]?
        there are two commands, [chat and serve|causerie chat and causerie serve], [which one do I take|how do they differ]?
    """),
    "penalties": lines("""
        how do the [three|different] penalties [differ|compare|differ from each other]?
        which penalty [should I use|is the best|do I take] [against loops|], repetition, presence or frequency?
        [is|isn't] [frequency_penalty the same as presence_penalty|presence_penalty the same as repetition_penalty|repetition_penalty the same as frequency_penalty]?
        [repetition_penalty or presence_penalty|frequency_penalty vs presence_penalty|presence_penalty vs repetition_penalty|penalties compared]
        why are there [three|several|so many] [penalties|penalty flags]?
        [compare|contrast|explain the difference between] [presence_penalty and frequency_penalty|repetition_penalty and frequency_penalty|the three penalties]
        I [mix up|confuse] [presence_penalty and frequency_penalty|repetition_penalty and presence_penalty|all these penalties]
        [should I set|do I want] [presence_penalty or frequency_penalty|frequency_penalty or repetition_penalty|repetition_penalty or presence_penalty]?
        one penalty [divides|works once] and another [subtracts|counts every use], [which is which|which one is what]?
    """),
    "err_not_found": lines("""
        it [says|tells me|claims] [that|] the model [does not exist|can't be found|was not found]
        I [typed|gave|entered] [a|the] model name and [got|it answers] [not found|no such model]
        causerie [can't|cannot|does not] find [my|the|this] model
        the [name|id] [I gave|I typed] is not [recognized as a model|known on the hub|found anywhere]
        [model not found|no such model|unknown model name|model does not exist] [error|message|]
        why [can't it|does it not] find the model [I named|I asked for|with this name]?
        [got|there is] a 404 for the model [name|id] [I typed|]
        I am sure [the model|it] exists but causerie [says|insists] there is [no such model|nothing with that name]
        maybe I [misspelled|mistyped] the model, it [is not found|says not found|finds nothing]
    """),
    "err_gated": lines("""
        it [says|complains] that [the|this] model is [gated|restricted|locked]
        [I get|got|it gives] a [401|403] [error|] [for a Llama model|when downloading the model|from the hub]
        I am not [allowed|permitted|authorized] to [download|load|use] [this|the] model
        [downloading Llama|the download of the model] [fails|is refused] with [access denied|a permission error|forbidden]
        [gated repo|gated model|access denied|403 forbidden|not authorized] [error|message|for a model|]
        the hub [refuses|won't let me have|does not give me] [the|this] model [without permission|]
        why [is|was] my access to [the|this] model [denied|refused|blocked]?
        the model [asks for|wants|requires] [permission|a login|an accepted licence] before I can [load|download] it
        [it says I need|apparently I need] [permission|to be granted access|authorization] for [this|the] model
    """),
    "err_network": lines("""
        [the download|downloading] [fails|does not start] because [I have no internet|there is no connection|the hub is unreachable]
        it [says|complains] [there is no network|it cannot reach the hub|the model is not cached and there is no network]
        [can't|cannot|couldn't] [connect to|reach] [the hub|huggingface|huggingface.co]
        my [wifi|internet|connection] is [down|gone|off] and the model [will not load|can't be downloaded|is not there]
        [connection error|network error|hub unreachable|no internet] [message|when loading a model|while downloading a model|]
        I get a [timeout|connection error] [when it fetches|while it downloads] the [model|weights]
        [the server|my cluster node|this machine] has no internet, [and the model fails to download|so it could not get the model]
        why does it [say|report] that [the hub can't be reached|there is no connection to the hub|the network is missing]?
        we are behind a [proxy|firewall] and causerie [fails to reach|gets no connection to|can't connect to] the hub
    """),
    "err_pickle": lines("""
        [my|this] model [comes|is stored] [only|just] as [.bin files|pytorch_model.bin|a .pt file] and [is refused|will not load]
        it [says|complains] [that|] only pickled weights [were found|are there]
        the [repository|folder|model] [has|holds] pytorch_model.bin [but|and] no safetensors
        [error|message|refused]: only pickled weights [found|]
        [got|I get] [the error|the message|told] that [the weights are pickled|there are only pickled weights]
        there are no safetensors [files|weights] in [this|my] [model|folder], [only .bin|only .pt|just pickled ones]
        what [can I do|now] if a model [has|offers] only [.bin|.pt|pickled] [files|weights]?
        loading [fails|stopped] [because|since] the weights [of my model|] are [.bin files|pickled|in pickle format]
        an old model with [only .bin|just .pt|nothing but pickle] files [won't load|is rejected|fails to load]
    """),
    "err_context": lines("""
        it [says|complains] [that|] [my prompt|the chat|my text] is [longer than|too long for] the context
        I [pasted|put in] a [whole book|huge file|very long document] and [it failed|got an error about the context|it did not fit]
        the [conversation|chat] [no longer fits|has outgrown|does not fit into] the [context|context window]
        [context full|context exceeded|prompt too long|too many tokens|context length error] [error|message|]
        I [hit|reached|ran into] the [end|limit] of the context [window|]
        there are [too many|more] tokens [for|than fit in] the [model's context|context]
        what [now|do I do|can I do] when the context [is full|overflows|runs out]?
        my [document|article|text|log file] [is too big|is too long|does not fit], [it says|causerie says] the context is [exceeded|too small]
        [error|it stops with an error]: [the prompt and the answer exceed the context|prompt longer than the context]
    """),
    "err_flag": lines("""
        it [says|tells me] [that|] it does not know [my|the|this] [flag|option]
        I [typed|passed|wrote] a flag and [it was rejected|causerie refused it|got unknown flag]
        [unknown flag|unrecognized option|invalid argument|unknown option|no such option] [error|message|]
        causerie [does not accept|rejects|won't take] [one of my flags|the option I gave|a flag of mine]
        why is [my|this] [flag|option|parameter] [not recognized|rejected|unknown]?
        [maybe I misspelled|I think I mistyped] a flag, it [complains|gives an error]
        the [flag|option] from [a blog|another program|my old script] is [unknown here|not accepted|not recognized]
        [what if|what do I do if] [a flag|an option] [is said to be unknown|does not exist|is not recognized]?
        it [lists|suggests] other [flags|names] and says [mine|the one I typed] [is unknown|does not exist]
    """),
    "err_template": lines("""
        it [says|complains] [that|] [my|the|this] model [has no|comes without a|lacks a] chat template
        [no chat template|chat_template missing|chat template not found|template not set] [error|message|]
        why does [my|this|the] model [have no|not have a|lack a] chat template?
        the tokenizer [has|comes with|brings] no chat template [and fails|]
        [I get|got] an error about [a missing|an absent|the lack of a] chat template
        [apply_chat_template|the chat] fails [because|since] there is no template
        [what can I do|what now] with a model that [lacks a chat template|has no chat template|comes without a chat template]?
        causerie [refuses|won't start] to chat, [it says the template is missing|it says there is no chat template]
        my [fine-tuned|own|downloaded] model [is missing|does not ship|has lost] [a|its] chat template
    """),
    "err_memory": lines("""
        my [computer|laptop|machine] [runs|ran] out of [memory|RAM] [when I load the model|with this model|]
        it [says|complains] [that|] there is [not enough|too little] [memory|RAM]
        loading [the model|a big model|the 7B] [fails|crashes|dies] [for lack of memory|because the RAM is full]
        the process [is|was|gets] killed [by the system|] while it [loads|reads] the [model|weights]
        [OOM|out of memory|memory error|CUDA out of memory|MemoryError] [when loading a model|error|message|]
        the model is too [big|large|heavy] for my [RAM|memory|laptop|8 GB]
        I [only have|have just] [8|16] GB and the model [won't fit|does not fit|is too large], it [crashes|fails]
        causerie [ran|runs] out of memory, [what now|what can I do|help]
        not enough [RAM|VRAM|memory] for [this|the|my] model
    """),
    "err_shard": lines("""
        it [says|complains] [that|] a [shard|weight file] [is missing|can't be found]
        one of the safetensors [files|shards] is [missing|gone|not there]
        [model-00002-of-00004.safetensors|the second shard|the last shard] is [missing|not found|not in the folder]
        [missing shard|shard not found|shard missing|safetensors shard missing] [error|message|in the folder|]
        the index [names|lists] a [file|shard] that [does not exist|is not in the folder|I don't have]
        I [copied|downloaded] [only|just] [some|a part] of the [shards|weight files]
        what [do I do|now|can I do] when a [shard|weights file] [is missing|was lost|has disappeared]?
        [the download|my copy] left out [one of the weight files|a weight file|a shard]
        [not all|only two of four] [shards|weight files] are [there|in the folder|on my disk], [loading fails|it will not load]
    """),
    "err_tensor": lines("""
        it [says|complains] [that|] a tensor is [missing|unexpected|of the wrong shape]
        [missing tensor|unexpected tensor|tensor shape mismatch|wrong tensor shape] [error|message|when loading|]
        [got|I get] [a shape mismatch|an unexpected tensor|a missing tensor] [while loading|when I load] [the|my] model
        the [weights|tensors] [do not match|don't agree with|do not fit] config.json
        lm_head.weight [is missing|was not found|has another shape] [in the file|]
        why does [it|causerie] [find|report] a tensor [of the wrong shape|that is missing|that it does not expect]?
        a tensor [has the wrong|has another|is of an unexpected] shape [in my model|]
        [some|a few|several] tensors are [missing|not in the file|unexpected]
        the [shape|size] of a tensor [is not what|differs from what] config.json [says|states|promises]
    """),
    "err_arch": lines("""
        it [says|complains] [that|] the architecture [of my model|] is [unknown|not supported]
        [unsupported architecture|unknown architecture|model_type not supported|unknown model family] [error|message|]
        causerie [does not know|can't run|refuses] the [architecture|family|model_type] of [my|this] model
        [gemma|phi|falcon|gpt2|bert|mamba] [will not load|does not load|fails to load|is refused]
        can I [run|load|use] [gemma|phi|falcon|gpt2|t5|mamba] [here|with causerie|]?
        why [is|was] [my|this|the] model type [refused|rejected|not supported]?
        my model is [a gemma|a phi|a falcon|an unusual family] and [it is not supported|causerie rejects the architecture]
        the [model_type|architecture] in [its config|config.json] is [not known|unknown|unsupported]
        [LlavaForConditionalGeneration|GemmaForCausalLM|GPT2LMHeadModel|PhiForCausalLM] [is not supported|unknown architecture|not supported error]
    """),
    "err_config_key": lines("""
        it [says|complains] [that|] config.json [has|holds|contains] [an unknown key|a key it does not read]
        [unknown config key|unread key in config.json|config.json key not read|unknown key in the config] [error|message|]
        [a|one] key [in|of] [config.json|the config] is [unknown|not read|not understood]
        causerie [stops at|refuses|rejects] [a key|some setting] in config.json
        why does [an extra|an unknown|a strange] key in config.json [stop the loading|make it refuse my model|matter]?
        my [config|config.json] has a [key|setting|field] that [causerie does not know|is not supported|it can't read]
        can I [ignore|skip|get past] the [error|complaint] about [a config key|an unknown key in config.json]?
        [loading fails|it refuses to load] [because of|over] [one key|a single line|an unread key] in config.json
        [I get|got] an error about a [key|field] in config.json that [nobody reads|was not read|it does not know]
    """),
}
