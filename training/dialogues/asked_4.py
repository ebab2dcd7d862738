"""How people put the questions of single topics, fourth part: whole questions, by topic id. Words only."""

from __future__ import annotations

from training.dialogues.phrasing import lines

FORMS: dict[str, tuple[str, ...]] = {
    "err_role": lines("""
        it [says|complains] [that|] the role [of my message|] is [unknown|not known|wrong]
        [unknown role|invalid role|bad role|role not known] [error|message|in my messages|]
        I [wrote|used|put] [bot|human|ai|developer] as the role and [it fails|got an error|it was refused]
        why is [my|the] role [bot|human|ai|developer|] [not accepted|rejected|refused]?
        the role [human|bot|model|ai] [is not known|is refused|gives an error]
        one of my messages has [a wrong|an unknown|a bad|an invalid] role
        my list of messages [fails|is rejected] [because of|for] [a|the] [role|wrong role]
        can I [invent|make up|use] [a role of my own|other roles than the three|any role I like]? [it says unknown role|]
        [I get|got] an error about [the role of a message|an unknown role|a role it does not know]
    """),
    "err_content": lines("""
        it [says|complains] [that|] a message has no [content|role]
        [message without content|missing content|content missing in message|message needs a role] [error|]
        I [forgot|left out] the [content|role] [of|in] a message
        one of my messages [lacks|has no|is missing its|is without] [role|content]
        what [must|should] [a|every|each] message [contain|have in it] so that it [is accepted|does not fail]?
        [I get|got] an error about a message [without|that lacks] [content|a role]
        my message has [text|prompt|message] as its key [and not|instead of] content, [is that wrong|it fails]
        passing [bare strings|plain strings|text alone] as messages [fails|gives an error|is refused], [content missing|no role]
        why is my [message|dictionary|list of messages] [rejected|refused] [with no content|for having no content|for having no role]?
    """),
    "err_system": lines("""
        it [says|complains] [that|] the template [has no|does not take a|refuses the] system role
        [system role not supported|template refuses system|no system role|system message refused] [error|message|]
        [my|this|the] model [does not accept|refuses|can't take|rejects] a system [message|prompt]
        --system-prompt [fails|is refused|gives an error] with [this|my|one] model
        why can't I [give|set|use] a system [message|prompt] with [this|my] model?
        [I get|got] an error [as soon as|when] I [add|put in] a system message
        the chat template of [my|this|the] model [knows no|has no place for a|raises an error on a] system [message|role]
        [what do I do|where do instructions go] [with|for] a model [that has no|without a] system role?
        my system [message|prompt] is [rejected|refused|not allowed] by the [template|model's template]
    """),
    "err_no_config": lines("""
        it [says|complains] [that|] [there is no config.json|config.json is missing|the folder has no weights]
        [config.json not found|no config.json|missing config.json|no weights found] [error|message|in the folder|]
        my [folder|directory] [has|holds] [no|neither weights nor] config.json
        I [gave|pointed it at] a folder and it [finds|found] no [config.json|weights]
        my model [folder|directory] is [refused as|called] [incomplete|no model]
        which files are [missing|lacking] when [my folder|my model folder|a directory] is not [accepted|a complete model]?
        why does it [say|report] [no config.json|no weights in the folder|that config.json is missing]?
        the [folder|directory] I [passed|gave|named] [is empty|has no weights|has no config.json]
        [I only have|there is only] [the safetensors|the weights file|a single weights file] [and|but] no config.json
    """),
    "err_header": lines("""
        it [says|complains] [that|] the [safetensors header|header of the file] is [broken|bad|invalid]
        [bad safetensors header|invalid header|truncated file|file is corrupt|corrupted safetensors] [error|message|]
        the [safetensors|weights|model] file [seems|appears|is said] to be [corrupt|damaged|truncated|broken]
        my download [was interrupted|broke off|stopped halfway] and now the [file|weights file] is [broken|damaged|truncated]
        [I get|got] an error about the header of [a safetensors file|the weights|the safetensors]
        the [file|weights file|safetensors file] is [shorter|smaller] than its header [says|promises]
        why [is the safetensors header|would the safetensors header be] [broken|unreadable|invalid]?
        it [can't|cannot] [read|parse] the [header|beginning] of [the|a] [safetensors|weights] file
        [half of the file|part of the weights file] [is missing|was not downloaded|never arrived], it says [corrupt|truncated]
    """),
    "err_temp0": lines("""
        it [says|complains] [that|] greedy [decoding|] cannot [return|give|make] several [sequences|answers]
        num_return_sequences=[3|2|4|5] [fails|gives an error|is refused] [without do_sample|with temperature=0|when I decode greedily]
        [several sequences need sampling|temperature=0 with num_return_sequences|num_return_sequences needs do_sample|greedy several sequences] [error|message|]
        I [asked for|wanted] [three|several] [answers|sequences] with [temperature=0|do_sample=False] and [got an error|it failed]
        why can't I [get|have] [several|two] [answers|sequences] [from greedy decoding|without sampling|at temperature=0]?
        num_return_sequences is [rejected|refused] when [do_sample is off|I don't sample|the temperature is 0]
        can greedy [decoding|search] [give|return|produce] [several answers|more than one answer|two different sequences]?
        an error [with|about] num_return_sequences and [greedy decoding|temperature=0|do_sample=False]
        [temperature=0|do_sample=False] and num_return_sequences [don't go together|can't be combined|clash]
    """),
    "err_no_gpu": lines("""
        it [says|complains] [that|] [cuda is not available|there is no GPU|no GPU was found]
        [cuda not available|no cuda device|no GPU found|torch.cuda.is_available is False] [error|message|]
        I [have|own] a [graphics card|GPU|nvidia card] but [it is not found|causerie does not see it|torch does not see it]
        my [GPU|graphics card|nvidia card] [is not detected|is not found|is ignored|isn't seen]
        device_map="cuda" [fails|gives an error|does not work] [here|]
        why [can't|doesn't] [torch|causerie] [see|find|detect] my [GPU|graphics card|video card]?
        [I get|got] an error [about|that says] no [cuda|GPU] [device|]
        [torch finds|torch sees|it finds] [no|not a single] [GPU|cuda device] [on my machine|on this machine|here]
        it [refuses|fails] to run on [cuda|the GPU], [it says none is available|no device was found]
    """),
    "err_torch": lines("""
        it [says|complains] [that|] torch is [missing|not installed|not there]
        [ModuleNotFoundError torch|no module named torch|ImportError torch|torch not found|torch not installed] [error|message|]
        [I get|got] an [import error|error] for [torch|a missing torch]
        return_tensors="pt" [fails|gives an error|does not work] [without|because I have no] torch
        causerie [asks for|wants|says it needs] torch, [which I don't have|but I have not installed it]
        [import torch|importing torch] [fails|does not work|gives an error]
        why does it [say|tell me] [torch is missing|no module named torch|that torch is not installed]?
        [pytorch|torch] is not [on this machine|in my environment|installed here] and [my code|return_tensors|the tokenizer] [fails|stops]
        there is no [module called|module named] torch, [what now|what can I do|it says]
    """),
    "err_command": lines("""
        I [typed|entered] causerie and [the shell|bash|my terminal] [does not know it|says command not found|can't find it]
        [causerie: not found|bash: causerie: command not found|zsh: command not found: causerie|causerie command not found] [error|message|]
        [the terminal|the shell|Windows|bash|my shell] does not [know|find|recognize] the command causerie
        why is [the command causerie|`causerie`|the causerie command] not [found|known|there|recognized]?
        [`causerie chat`|`causerie info`|typing causerie] [says|gives|prints] command not found
        there is no [command|program] called causerie [on my machine|in my path|here]
        causerie is not [in|on] my [PATH|path], [the command is not found|so the command fails]
        I [cloned|downloaded] the project but the [causerie command|command causerie] [does not exist|is missing|can't be found]
        [causerie|the word causerie] is not recognized as [a command|an internal or external command|a program]
    """),
    "err_compiler": lines("""
        it [says|complains] [that|] [there is no C++ compiler|no compiler was found|a compiler is missing]
        [no compiler found|cmake error|g++ not found|build failed|compilation failed|no C++ compiler] [error|message|]
        [make chat|the build|pip install .] [fails|stops|dies] [because there is no compiler|with a cmake error|while it compiles]
        the native library [can't be built|does not build|fails to compile|will not compile]
        [cmake|the build] [stops|ends|fails] with an error [on my machine|]
        which compiler [is missing|must I install|do I need] [to build it|for the build|for the native library]?
        [I have|there is] no [g++|clang|gcc|C++ compiler] on this machine, [and the build fails|what now|so it does not build]
        why does the [build|compilation|native build] [fail|break|not work]?
        [building|compiling] [causerie|the native library|from source] [fails|does not work|gives errors]
    """),
    "flag_max_new_tokens": lines("""
        what [is max_new_tokens for|is max_new_tokens|does max_new_tokens mean|does max_new_tokens do]?
        [explain|describe|tell me about] [max_new_tokens|the flag max_new_tokens]
        which flag [caps|limits|sets the limit of] the [length|number of tokens] of an answer?
        what [value|number] [should I give|is good for|do I set for] max_new_tokens?
        max_new_tokens [meaning|what is it|explained|flag]
        does max_new_tokens [include the prompt|count the prompt too|limit only the answer|count words or tokens]?
        what happens if I [raise|lower|increase|change] max_new_tokens?
        is max_new_tokens [the most tokens an answer may have|the upper limit of an answer|the greatest length of an answer]? [|or what]
        I saw max_new_tokens=[100|200|500] in [an example|a script], what does it [do|set|control]?
    """),
    "flag_min_new_tokens": lines("""
        what [is min_new_tokens for|is min_new_tokens|does min_new_tokens mean|does min_new_tokens do]?
        [explain|describe|tell me about] [min_new_tokens|the flag min_new_tokens]
        which flag sets [a minimum|the least length|a lower limit] for [the answer|an answer|the tokens of an answer]?
        [can I|how do I] forbid [answers below|an answer of less than] [20|50|a certain number of] tokens?
        min_new_tokens [meaning|what is it|explained|flag]
        what [value|number] [should I give|is good for|do I set for] min_new_tokens?
        I want every answer to have at least [20|50|100] tokens, which [flag|option|setting] [is that|does it]?
        what happens if I [raise|set|increase|use] min_new_tokens?
        I saw min_new_tokens=[10|20|50] in [an example|a script], what does it [do|set|control]?
    """),
    "flag_temperature": lines("""
        what [is temperature for|does temperature mean|does temperature do] [in sampling|here|]?
        [explain|describe|tell me about] [temperature|the temperature flag|the flag temperature]
        what [value|number] [should I give|is good for|do I set for|is normal for] [temperature|the temperature]?
        is [0.2|0.7|1.0|1.5] a [good|high|low|sensible] temperature?
        temperature [flag|meaning|explained|setting|parameter]
        what [changes|happens] if [I raise the temperature|the temperature is high|I lower the temperature|the temperature is low]?
        which [flag|setting] sets how [wild|calm|random] the sampling is?
        does temperature [work|have an effect|do anything] [without do_sample|only with do_sample=True]?
        I saw temperature=[0.7|0.3|0.9] in [an example|a script], what does it [do|set|control]?
    """),
    "flag_top_k": lines("""
        what [is [top_k|top-k] for|is [top_k|top-k]|does [top_k|top-k] mean|does [top_k|top-k] do]?
        [explain|describe|tell me about] [top_k|the flag top_k|top-k sampling]
        what [value|number] [should I give|is good for|do I set for|is normal for] [top_k|top-k]?
        which flag keeps [only the k|a fixed number of the] [likeliest|most probable|best] tokens?
        [top_k|top k|top-k] [meaning|explained|flag|setting]
        what does top_k=[0|1|50|40] [do|mean]?
        [can I|how do I] [turn off|switch off|disable] [top_k|top-k]?
        what happens if I [raise|lower|increase|change] [top_k|top-k]?
        I want to sample from [just the 50|only the 20|only the 40] likeliest tokens, which [flag|option] [is that|does it]?
    """),
    "flag_top_p": lines("""
        what [is [top_p|top-p] for|is [top_p|top-p]|does [top_p|top-p] mean|does [top_p|top-p] do]?
        [explain|describe|tell me about] [top_p|the flag top_p|top-p sampling|nucleus sampling]
        what [value|number] [should I give|is good for|do I set for|is normal for] [top_p|top-p]?
        which flag keeps tokens until their [probabilities|chances] [add up to|reach|sum to] [p|0.9|a limit]?
        [top_p|top p|top-p|nucleus sampling] [meaning|explained|flag|setting]
        what does top_p=[0.9|0.95|1.0|0.5] [do|mean]?
        [can I|how do I] [turn off|switch off|disable] [top_p|top-p|nucleus sampling]?
        what happens if I [raise|lower|increase|change] [top_p|top-p]?
        what is [nucleus sampling|top-p sampling] and which [flag|option] [is it|sets it]?
    """),
    "flag_min_p": lines("""
        [drop|remove|cut] tokens [relative to|compared with] the [likeliest|best] one, which flag
        what [value|number] [for|do I give] min_p, and what does it [do|drop]"""),
    "flag_typical_p": lines("""
        the flag that keeps [tokens of usual surprise|typical tokens], what does it do
        what [value|number] [for|do I give] typical_p, and what does it [do|keep]"""),
    "flag_do_sample": lines("""
        [True or False|on or off] for do_sample, what [changes|is the difference]
        which [flag|option] [turns on|switches on] [random drawing|sampling]"""),
    "flag_repetition_penalty": lines("""
        [which|what] [value|number] for repetition_penalty, [and what does it do|what is it]
        what [makes|flag makes] used tokens less likely"""),
    "flag_presence_penalty": lines("""
        presence_penalty [of 1|of 0.5|set to 2], what [does it do|is the effect]
        a penalty [once|] for each token that is [there already|present]"""),
    "flag_frequency_penalty": lines("""
        frequency_penalty [of 1|of 0.5|set to 2], what [does it do|is the effect]
        a penalty that grows [with each use|the more a token is used]"""),
    "flag_no_repeat_ngram_size": lines("""
        no_repeat_ngram_size [of 3|set to 2|=4], what [does it do|is the effect]
        [forbid|ban] repeated [n-grams|runs of tokens], which flag is it"""),
    "flag_seed": lines("""
        seed [of 7|set to 42|=1], what [does it do|is the effect]
        what [number|value] [goes into|do I give to] the seed [flag|option|]"""),
    "flag_stop_strings": lines("""
        [end|stop] the answer at a [certain|given] [word|text|string], which flag
        stop_strings [set to END|of ###], what [happens|is the effect]"""),
    "flag_num_return_sequences": lines("""
        [several|three|many] answers [to|for] one [prompt|question], which flag
        num_return_sequences [of 3|set to 2], what [happens|is the effect]"""),
    "flag_bad_words_ids": lines("""
        [forbid|ban] [words|certain tokens] [completely|altogether], which flag
        what goes into bad_words_ids"""),
    "flag_logit_bias": lines("""
        [push|make] a [certain|single] token [up|likelier|rarer], which flag
        what [goes into|do I put in] logit_bias"""),
    "flag_max_time": lines("""
        [end|stop] the answer after [ten seconds|some time], which flag
        max_time [of 5|set to 10], what [happens|is the effect]"""),
    "flag_eos_token_id": lines("""
        which flag [names|sets] the token that ends the answer
        [must|should] I [set|give] eos_token_id [myself|]"""),
    "flag_use_cache": lines("""
        use_cache [False|True|on or off], what [changes|happens]
        should use_cache [stay on|be off]"""),
    "flag_streamer": lines("""
        what [kind of object|thing] is passed as streamer
        [which|what] argument [receives|gets] the text while it is written"""),
    "flag_strict": lines("""
        load only if config.json has no [unknown|strange|extra] keys
        [refuse|reject] unknown [config keys|keys in config.json]"""),
    "flag_quantization_config": lines("""
        which argument [takes|wants] a BitsAndBytesConfig
        what do I [pass|give] as quantization_config"""),
    "flag_return_full_text": lines("""
        only the [new text|answer] from the pipeline, [without|not] the prompt
        the pipeline [repeats|returns] my prompt too, which [flag|option] stops that"""),
    "flag_add_generation_prompt": lines("""
        [why|when] do I [need|set] add_generation_prompt
        what [adds|flag adds] the start of the [assistant turn|answer] to the prompt"""),
    "flag_skip_special_tokens": lines("""
        [leave out|hide|drop] special tokens [when decoding|in the text], which flag
        my [text|output] [shows|has] special tokens, how do I hide them"""),
    "flag_batch_size": lines("""
        how many prompts go [together|at once] in the pipeline, which flag
        batch_size [of 8|set to 4], what [happens|is the effect]"""),
    "hello": lines("""
        [greetings|salutations|hiya|howdy|good evening|good day|hey you|yo there]
        [hello|hi] [again|everybody|little model|assistant|computer|world]
        is [anybody|anyone|somebody] [there|here]"""),
    "how_are_you": lines("""
        [how do you feel|are you well|are you ok|you alright|how is life] [today|]
        how [has your day been|is your day|was your day]"""),
    "who": lines("""
        [introduce|present] yourself
        [what kind of|which] [bot|model|assistant|program|AI] [are you|is this|am I talking to]
        tell me [about yourself|who I am talking to|who you are]"""),
    "name": lines("""
        [how are you called|how should I call you|what should I call you|do you have a name]
        [may I|can I] [know|have] your name"""),
    "abilities": lines("""
        what [topics|things|kinds of questions] [do you|can you] [know about|handle|answer|help with]
        [what are you good at|what is your job|what are you for|what can I ask you]
        [show|tell] me [what you can do|your skills|your abilities]"""),
    "causerie": lines("""
        what [is|does] this [program|software|project|tool] [do|for|about|]
        [in a nutshell|in one sentence], what is [this project|causerie]
        what [did I just install|have I installed]"""),
    "name_meaning": lines("""
        where does the [name|word] causerie come from
        [is|what is] causerie [a french word|in English]
        why [the|this|that] [funny|strange|odd] name"""),
    "maker": lines("""
        [who|which company] [wrote|developed|programmed|trained|is behind] [you|this model|this assistant]
        who [do you belong to|are your makers|is your creator|is your author]"""),
    "size": lines("""
        how [many weights|much memory|much space] do you [have|take|need] [yourself|]
        [what|which] size [are you|is the built-in model|do you have]
        are you [big|large|small|tiny] [or not|]"""),
    "human": lines("""
        [is there|am I talking to] [a human|a person|somebody real|a machine|a robot]
        are you [a robot|a machine|a bot|alive|an AI]
        do I [chat|speak|talk] with [a person|a computer|a human]"""),
    "chatgpt": lines("""
        are you [like|the same as|related to|based on|as good as] [ChatGPT|GPT-4|Claude|Gemini|Llama]
        [did|does] [OpenAI|Google|Meta|Anthropic] [make|own] you
        which [company's|big] model [are you|is inside]"""),
    "feelings": lines("""
        [can|do] you [feel|think|suffer|love|dream|have emotions]
        are you [angry|lonely|conscious|tired|self-aware]
        do you [like|enjoy] [this|your work|talking to me|me]"""),
    "learn": lines("""
        [is|are] [my data|this chat|our chats|what I write] [stored|sent somewhere|private|used for training]
        do you [keep|remember|save] [what I say|our talks|my messages] [for next time|]
        [will|can] you [get smarter|improve] [by talking to me|over time]"""),
    "languages": lines("""
        [can|could] we [talk|speak|chat] in [French|German|Spanish|Italian|Dutch]
        [do you understand|are you able to read] [Chinese|Japanese|Russian|Portuguese|Hindi]
        which language [should I|can I] [write|use] [in|]"""),
    "age": lines("""
        [how long have you|since when do you] [existed|existed|live|lived]
        when [did you come|were you made|was your birthday|is your birthday]"""),
    "where": lines("""
        [on which|in which] [computer|machine|server|country] [do you|are you] [run|running|live]
        are you [in the cloud|on a server|on my machine|local|online]"""),
    "thanks": lines("""
        [many thanks|thx|ty|cheers|much appreciated|thank you so much|thanks for everything|great, thanks]
        [that helped|that was helpful|this helped me a lot], [thanks|thank you]"""),
    "ok": lines("""
        [got it|understood|alright|fine|makes sense|I understand|cool|good to know|aha|noted]"""),
    "praise": lines("""
        [wow|great|excellent|perfect|brilliant|awesome|nice one|very good|I like you|you rock|clever]
        [what a|that was a] [good|great|nice|helpful] [answer|reply|explanation]"""),
    "blame": lines("""
        [this|that|your answer] is [garbage|rubbish|no help|not helpful|incorrect|nonsense]
        you [did not|do not|don't] [help|understand|answer my question|get it]
        [bad|terrible|useless|wrong] [answer|bot|reply]"""),
    "sorry": lines("""
        [my bad|my fault|pardon me for that|I apologize|apologies|oops|sorry about that|forgive me]"""),
    "bye": lines("""
        [see you|see you later|farewell|good night|take care|until tomorrow|cya|so long|I am off|I have to go]
        [that is all|that was all|we are done], [bye|goodbye|see you]"""),
    "joke": lines("""
        [say|tell me|got] [something funny|a funny story|any jokes|a pun]
        [entertain|amuse|cheer up] me
        [can you|could you] be [funny|witty]"""),
    "test": lines("""
        [is it|are you|is this thing] [on|working|alive|awake|ready]
        [just|only] [testing|a test|trying this out]
        [ping|check|test 1 2 3|one two three]"""),
    "time": lines("""
        [do you know|can you tell me|tell me] [the time|the date|what day it is|today's date]
        [which|what] [year|month|day|hour] [is it|do we have]"""),
    "bored": lines("""
        [I feel|I am] [so|very|a bit] [bored|sleepy|down|great|excited|nervous|sick]
        [my day was|today was] [bad|awful|good|long|hard]"""),
    "gibberish": lines("""
        [qwerty|asdasd|blah blah|lorem ipsum|xyzzy|hjkl hjkl|zzzz|aaaa|lkjlkj|foo bar baz|mmmm]
        [sdfsdf|gfdgfd|wqeqwe|jkhjkh|uiouio] [sdfsdf|xcvxcv|tyutyu|bnmbnm]"""),
    "licence": lines("""
        [may|can] I [use|sell|share|modify|change] [it|causerie|the code] [at work|commercially|freely|in my company]
        [does it|how much does it|what does it] [cost|cost anything]
        [is it|is the code|are you] [open source|free software|free of charge]
        [under which|which|what] [licence|license|terms]"""),
}
