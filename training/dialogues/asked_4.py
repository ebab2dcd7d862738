"""How people put the questions of single topics, fourth part: whole questions, by topic id. Words only."""

from __future__ import annotations

from training.dialogues.phrasing import lines

FORMS: dict[str, tuple[str, ...]] = {
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
        load although config.json has [unknown|strange|extra] keys
        [ignore|accept] unknown [config keys|keys in config.json]"""),
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
