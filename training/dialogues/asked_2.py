"""How people put the questions of single topics, second part: whole questions, by topic id. Words only."""

from __future__ import annotations

from training.dialogues.phrasing import lines

FORMS: dict[str, tuple[str, ...]] = {
    "prefix_cache": lines("""
        how [can|does] the [second|next] turn [start|begin] so [fast|quickly]
        [is|are] [the same beginning|shared beginnings|a common start] of prompts [read again|reused|kept]
        [reusing|sharing] the [start|beginning] of [a prompt|an earlier chat]
        what [finds|keeps] the part of a prompt that [was read before|is not new]"""),
    "prefill": lines("""
        [what happens|what does it do] [before the first word|while I wait for the first word|first with my prompt]
        [name of|what do you call] the phase that reads the [prompt|question]
        the [first|reading] phase, [what is it called|what happens there]
        how is [the prompt|my question] [read|processed|taken in]"""),
    "decode": lines("""
        [what happens|how does it go on] [after the prompt was read|while the answer is written]
        [name of|what do you call] the phase that [writes|produces] the [answer|tokens]
        the [second|writing] phase, [what is it|what limits it]
        how are the [words|tokens] of an answer [produced|made] [one after another|]"""),
    "moe": lines("""
        what [sort|kind] of model is [Mixtral|8x7B|Qwen3-30B-A3B]
        what [does|means] [the A3B|8x7B|the x] in a [name|model name] [stand for|tell|]
        models [with|made of] [many experts|experts], [how do they work|what are they]
        why [do people like|would I take] a [mixture|MoE]
        [only a part|a few parts] of the [model|weights] [work|is used] for each token, [what is that|how is it called]"""),
    "experts": lines("""
        what does the router [choose|pick|do] [in a mixture|]
        what [part|share] of a MoE is [active|used] [for a token|at a time]
        [what is|explain] the difference of active and total [parameters|weights]
        how many experts [work|are used] [at once|for a token]"""),
    "base_model": lines("""
        [is there|what about] a model [not trained to chat|without Instruct in its name]
        why [does|would] a model without [Instruct|a template] not [answer|chat]
        a [raw|pretrained|plain] model, [what can it do|can I chat with it]
        what [is|do they mean by] [pretrained only|the raw version of a model]"""),
    "chat_model": lines("""
        what does [Instruct|the word Instruct|-Instruct|Chat] [mean|tell] [at the end of|in] a [model name|name]
        how do I [recognize|tell] a model that can [talk|chat]
        models [tuned|trained] [for conversation|to follow instructions], [what are they|tell me]
        which [kind of|] models can [hold a conversation|answer in turns]"""),
    "quantization": lines("""
        [making|why make] [weights|numbers] [smaller|coarser|shorter], [what is that called|what is it for]
        what do I [lose|gain] with [fewer bits|smaller weights|compressed weights]
        [how|in what way] are [weights|models] [compressed|shrunk|made smaller]
        what [do q4|do q8|does a quant|are quants] [mean|do]
        does [fewer bits|compressing the weights] [hurt|harm|cost] [quality|the answers]"""),
    "four_bit": lines("""
        [half a byte|four bits] [a|per] weight, [is that enough|how good is it|what is that]
        [how bad|how good] is [int4|nf4|4-bit]
        what [do I|does one] [lose|pay|get] with [4 bits|four bits]
        the [smallest|tiniest] [format|precision] [here|there is]"""),
    "eight_bit": lines("""
        [one byte|eight bits] [a|per] weight, [is that good|any loss|what is that]
        [how bad|how good] is [int8|8-bit]
        what [do I|does one] [lose|pay|get] with [8 bits|eight bits]
        is [int8|8-bit] [nearly lossless|safe for quality]"""),
    "bf16": lines("""
        what [kind of number|format] is [bfloat16|bf16]
        why [are|do] most [models|checkpoints] [stored in|use] [bf16|bfloat16]
        the b in [bf16|bfloat16], what is it
        how many bytes [has|takes] a [bf16|bfloat16] [number|weight]"""),
    "float16": lines("""
        what [kind of number|format] is [fp16|float16|half]
        how many bytes [has|takes] [an fp16|a float16] [number|weight]
        [old|older] models [are in|use] [fp16|float16], what is that"""),
    "float32": lines("""
        what [kind of number|format] is [fp32|float32]
        how many bytes [has|takes] [an fp32|a float32] [number|weight]
        is [float32|fp32|full precision] [worth it|useful|too slow|better]"""),
    "safetensors": lines("""
        what is [inside|in] the [.safetensors|model.safetensors] file
        which [file type|format] [is safe|are the weights in|does it read]
        [why|are] safetensors [trusted|safe|better] [than others|]
        [safe|modern] [file format|files] for weights"""),
    "pickle": lines("""
        [pytorch_model.bin|model.pt], [what about it|can it be read|is it any good]
        [old|other] weight files [such as|like] [.bin|.pt|.ckpt]
        can [I|it] [open|use] [a .ckpt|a .bin|a .pt] [file|]
        what [is|are] [pickled|pickle] [weights|files]"""),
    "streaming": lines("""
        [why|how come] the words [appear|show up] one [by one|after another]
        text that [appears|comes] [bit by bit|gradually|while it is made], [what is that|how is it called]
        [does|can] the [terminal|chat] [show|print] [text|words] [immediately|as they come]
        [live|gradual] [output|text], [what is it called|how]"""),
    "sampling": lines("""
        [how|by what] does [chance|randomness|luck] [come into|enter] [it|the answers]
        [drawing|picking] [words|tokens] [by chance|at random], [what is that|how does it work]
        how is the next [word|token] [chosen|picked] when [it is random|do_sample is on]
        [random|dice] [choice|picking] of [the next token|words]"""),
    "greedy": lines("""
        always [taking|choosing] the [best|top|most probable] [token|word], [what is that|how is it called]
        [no|without] randomness at all, [what is that mode|how is that called]
        the [opposite|contrary] of sampling
        what [is chosen|does it take] when do_sample is [off|False]"""),
    "logits": lines("""
        the [raw|bare] [scores|numbers] [before|that become] [softmax|probabilities]
        what [comes|numbers come] out of the [model|last layer]
        [scores|points] for [each|every] [possible|] next token"""),
    "parameter": lines("""
        what [is counted|do they count] when they say [8B|7 billion|1.5B]
        [what are|explain] the [numbers|billions] [in a model|a model consists of]
        what is a model [made of|built from]
        [what is|what's] a [billion parameters|weight in a network]"""),
    "hub": lines("""
        [which|what] [website|site|place] [has|hosts|holds] [open models|the models|the downloads]
        where [does it|does causerie] [download|get] [models|weights] from
        what [is|do you mean by] [the hub|huggingface.co|HF]
        [who|what site] [publishes|stores] [open weights|these models]"""),
    "hub_id": lines("""
        what [form|shape] has [a|the] [name|id] of a [hub model|model on the hub]
        the [slash|two parts] in [Qwen/Qwen2.5-0.5B-Instruct|org/name], what [is it|does it mean]
        how is a model [named|called] on the hub
        [organization|owner] and name, [what is that|how do I write it]"""),
    "gpu": lines("""
        [why|are] graphics cards [so fast|faster] [for models|than processors]
        what [does|would] a [graphics card|GPU] [bring|change|give me]
        [is|would] a [graphics card|GPU] [useful|needed|worth buying]
        [graphics|video] [card|memory] [for language models|]"""),
    "cpu": lines("""
        [does it|can it] run on [a plain|an ordinary] [processor|computer] [without a graphics card|]
        [how does it|can it] [work|run] without a [graphics card|GPU]
        what [limits|sets] the speed on a [processor|CPU]
        [ordinary|normal] processor [enough|good enough]"""),
    "bandwidth": lines("""
        how [fast|quickly] [can memory be read|does RAM deliver bytes]
        what [is|does] GB/s of [RAM|memory] [mean|matter]
        [gigabytes|bytes] per second [of memory|from RAM], [why does it matter|what is that]
        what [about my RAM|property of memory] decides the speed"""),
    "tokens_per_second": lines("""
        what is a [good|normal|usual] [speed|rate] [for a model|]
        [tok/s|t/s|tokens/s], what [is it|does it tell me|number is that]
        the [number|figure] below the answer [with /s|], what is it
        how is [the writing speed|generation speed] [counted|expressed]"""),
    "ttft": lines("""
        [how long|the time] until the [answer|first word] [begins|comes], [how is it called|what is that]
        what [is|does] the [first token time|wait before an answer] [depend on|consist of]
        [delay|pause|latency] before the [answer|first word]
        what [decides|sets] how long I wait [for the beginning|at first]"""),
    "draft_model": lines("""
        [can|does] a small model help a [big|large] one [to be faster|]
        [guessing|predicting] several tokens [ahead|at once]
        [two|a pair of] models, a [small|little] one and a [big|large] one, [together|for speed]
        what [is|does] [assistant_model|a speculative model] [do|for]
        does [guessing ahead|a draft] change the [text|answer]"""),
    "batching": lines("""
        [several|many] users at [once|the same time], how [does it|is that handled]
        [requests|questions] that run [together|side by side], [how|what is that called]
        can a new request [join|come in] while [others run|another is answered]
        [what is|how do] [several requests in one step|batched requests] [work|]"""),
    "eos": lines("""
        how does [it|the model] know when [to stop|it is finished|the answer is over]
        what [token|sign] [ends|finishes] an answer
        the [end|stop|final] [token|mark], what is it
        why does it stop [by itself|at some point]"""),
    "generation_config": lines("""
        where [are|do] the [default settings|defaults] of a [model|checkpoint] [come from|kept]
        which file [holds|has] [default temperature|the defaults|a model's favourite settings]
        [file|place] with [default|preset] [flags|generation settings]"""),
    "config_json": lines("""
        which file [describes|tells] the [layers|architecture|shape of the model]
        where is [written|it said] how many layers a model has
        [purpose|role|content] of [the|] config.json"""),
    "special_token": lines("""
        what are [those tokens in angle brackets|im_start and im_end|the odd markers]
        [tokens|marks] that [structure|separate] a chat
        what if I [type|write] [a control token|im_end] [myself|in a message]
        how does the model see where a [turn|message] [begins|ends]"""),
    "rope": lines("""
        how does the model know the [order|position] of [words|tokens]
        [positions|order] in [attention|a transformer], how [are they|is it] [encoded|told]
        what [is|does] [rope_scaling|rope_theta|rotating vectors] [do|for]
        how is a model [stretched|extended] to longer contexts"""),
    "sliding_window": lines("""
        [a layer|attention] that [sees|reads] only the [recent|latest|last] tokens
        why does Mistral [look|see] only [so far back|a part]
        what [is|does] sliding_window [in config.json|] [do|mean]
        [limited|windowed|local] attention"""),
    "attention": lines("""
        how do tokens [look at|see|influence] [each other|earlier ones]
        what [happens|is done] in an attention [layer|block]
        how does the model [relate|connect] [words|tokens]
        [queries, keys and values|q, k and v], what for"""),
    "llm": lines("""
        how [does|can] a [machine|program] [write|make] [text|sentences]
        what [is behind|are] [things like ChatGPT|chatbots|AI chat programs]
        how does [a model like you|such a model|AI] [write|come up with] [an answer|words]
        what is [a model|AI|artificial intelligence] [in this sense|here|]"""),
    "open_model": lines("""
        [models|weights] that [anyone|everybody] can [download|run|use]
        [what does|what is] [open|free] [mean for a model|about a model|weights]
        which models [are free|can I have on my own machine]
        [downloadable|public] [weights|models], what are they"""),
    "hallucination": lines("""
        why [does it|do models] [invent|make up|lie about] [things|facts]
        can I [trust|believe] [the answers|what a model says|it]
        [false|invented|wrong] [facts|answers] that sound [right|true]
        how [reliable|truthful] [is it|are the answers]"""),
    "prompt": lines("""
        what is [sent|given|fed] to the model
        what [do you call|is] the [input|text that goes in]
        [input|text] of a model, what is [it called|the word]
        [write|good] [prompts|input], what is that"""),
    "role": lines("""
        [user|assistant|system], what are [these|those] [words|labels]
        what does [role|"role"] [say|mean] in a message
        who [says|speaks] what in a [list of messages|chat], how is it [marked|told]
        which [roles|speakers] [exist|are there]"""),
    "transformers_lib": lines("""
        how [are|is] causerie and [Hugging Face's library|transformers] [related|connected]
        what [has|do you have to do with] transformers [to do with this|]
        the [python library|library] [from|of] Hugging Face, what is it
        do you [use|build on|need] transformers [inside|]"""),
    "backend": lines("""
        [native or torch|native and torch], what are [these|they]
        what [part|code] does the [arithmetic|math|computing]
        what [computes|calculates|does the work] [here|in causerie]
        what does [the option|] --backend [choose|do]"""),
    "engine": lines("""
        what [decides|chooses] which request [runs|goes] [next|first]
        what is [at the heart|the core|the motor] of causerie
        [is there|do they use] one engine for [chat and Python|everything]
        what does [the engine|your engine] [do|know]"""),
    "fine_tuning": lines("""
        can I [teach|train] [it|a model] [my own data|on my texts|new things]
        [adapt|train further] a model with [my own examples|my data]
        [does causerie|can it] [support|do] [LoRA|fine-tuning|training on my data]
        how do I [fine-tune|adapt|specialize] a model [here|]"""),
    "inference": lines("""
        what [do they call|is the word for] [running|using] a trained model
        what [happens|goes on] when a model [answers|runs]
        [using|running] a model versus training it, [what is it called|the word]"""),
    "exactness": lines("""
        do [other requests|neighbours|other users] change my [answer|text|result]
        is the [result|answer|output] the same [to the last bit|bit for bit] [whatever runs beside it|]
        does the [number of threads|batch] [change|influence] the [text|result]
        [bit-exact|exactly repeatable] [results|output|replay]"""),
    "checkpoint": lines("""
        what [files|things] [belong to|are in|make up] a [model|model folder]
        what is in the [folder|directory] of a [model|downloaded model]
        which files does a model [need|have|consist of]
        [contents|parts] of a model [folder|directory]"""),
    "seed_word": lines("""
        what [fixes|freezes] the [dice|randomness|chance]
        the number [that makes|for] [randomness|sampling] [repeatable|the same], what is it
        [random|starting] number [for sampling|], what is it [called|good for]"""),
    "why_memory_bound": lines("""
        why does [a faster processor|more cores] not [help|make it faster]
        what [is the bottleneck|holds it back|limits the speed] [when it writes|of writing|]
        why [do the weights|must all weights] [have to be read|be read] [again and again|for each token]
        why [do they say|is it said] that [memory decides|RAM is the limit]
        why is [reading memory|RAM] the [bottleneck|limit|slow part]"""),
    "why_first_slow": lines("""
        why [do I wait|is there a wait|the delay] [at the beginning|before anything appears|at first]
        [nothing happens|silence] for [a while|some seconds], then [it writes|text comes], why
        why does a long [prompt|question|text] [delay the answer|make me wait]
        the [beginning|first word] takes [ages|so long], [why|reason]"""),
    "why_small_bad": lines("""
        why [can't you answer|do you not know] [more|most things|anything else]
        why [are you|is this model] so [dumb|weak|ignorant|useless]
        why do [tiny|little|small] models [fail|forget|know nothing]
        [is it because you are|because of your] [small|size] that you [fail|know so little]"""),
}
