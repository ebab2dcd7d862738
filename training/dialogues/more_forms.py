"""More ways in which people put the questions of single topics: whole questions, by topic id. Words only."""

from __future__ import annotations

from training.dialogues.phrasing import lines

FORMS: dict[str, tuple[str, ...]] = {
    "start_chat": lines("""
        [which|what] command [do I use|is it|opens the chat|starts it|starts the program]
        [I just|I have just|I only] [installed|downloaded|got] [this|it|causerie][, what next|, what do I do|. what now|]
        what do I [type|write|enter|run] [first|to begin|to start|in the terminal]
        how do I [open|start|get to|reach] [the|a] chat [window|prompt|]
        [start|open|begin] [a|the] chat
        how do I [speak|talk] [with|to] [you|the assistant|this thing|it]
        [command|commands] for [chatting|a chat|the chat]
        [first|next] steps
        how do I run [this|this thing|the program|causerie] [on my machine|in a terminal|]"""),
    "make_chat": lines("""
        [I|I have] [cloned|checked out|downloaded] the [project|repository|source|code|sources][, what now|, how do I chat|, what do I type|. how do I start|]
        what do I type after [git clone|cloning]
        I am in the [clone|source folder|repository], how do I [chat|start]
        which make [command|target] [starts a chat|do I need|is for chatting]"""),
    "chat_model": lines("""
        how do I [talk|speak|chat] [to|with] [Qwen|Llama|Mistral|SmolLM2|TinyLlama|Qwen2.5|Llama 3|Qwen3]
        how do I [talk|speak|chat] [to|with] [Qwen2.5-0.5B|Llama-3.2-1B|Mistral-7B|SmolLM2-360M|Qwen3-4B]
        [can I|how do I] [use|load|try|get] [a|some|any] model from [the hub|hugging face|huggingface|the internet] [here|]
        I want [a|some] [bigger|larger|better|smarter|real] model
        [is there|do you have|can I have] [a|something] [bigger|larger|better|smarter] [model|] [than you|]
        which command [downloads|loads|runs] a [certain|given|named|larger] model
        how do I [use|run] Qwen/Qwen2.5-1.5B-Instruct
        how do I [chat with|use|run|start|load|open] [Llama 3.2|Mistral|SmolLM2|TinyLlama|Qwen3|Llama 3|Gemma] [1B|3B|7B|8B|360M|1.1B|4B]
        how do I [talk to|speak to|chat with|run] [Qwen2.5 1.5B|Qwen2.5 7B|Qwen3 0.6B|Llama 3.1 8B|Mistral 7B|SmolLM2 1.7B]
        I want to [talk to|run|try|use] [Qwen2.5 1.5B|Qwen2.5 7B|Qwen3 0.6B|Llama 3.1 8B|Mistral 7B|SmolLM2 1.7B]
        can I [chat with|use|run] my favourite model"""),
    "switch_model": lines("""
        I am [using|in a chat with] one model and want another
        can I [change|switch|swap] [it|the model] [while chatting|during a chat|without leaving|later]
        [I want|give me|can I have] a different model [now|instead|]
        how do I go [from one model to another|to the next model]"""),
    "one_shot": lines("""
        how do I [ask|send] [something|a question|one thing] [in|from] a [script|bash script|shell|program|cron job]
        [I want|I need|how do I get] [just|only] [the answer|one answer|a single answer][, no chat|, not a chat|]
        can it answer [once|one time] and [stop|exit|end]
        can I pipe [something|text|a file] into it
        how do I use it [non-interactively|without a terminal|in a pipeline of commands]"""),
    "set_flags": lines("""
        where do I [put|write|set|add] [temperature|top_p|max_new_tokens|the flags|the options|the settings]
        how do I [set|change|pass|give|write] [the temperature|temperature|top_p|top_k|max_new_tokens|do_sample|a seed] [on the command line|in the terminal|when I chat|]
        what is the syntax [of|for] [flags|options|the settings]
        how are flags written
        can I [change|set] the temperature"""),
    "stop_answer": lines("""
        [you|it|the model] [never stops|does not stop|will not stop|keeps writing|keeps on writing|goes on forever][, what do I do|, how do I stop it|]
        how do I make it [shut up|be quiet|stop writing|stop talking]
        is there a key [to stop|that stops] [the answer|it|you]
        how do I interrupt"""),
    "leave": lines("""
        how do I [get|go] [out|away]
        how to [exit|quit|leave|close it]
        [which|what] command [ends|closes|quits|leaves] [the chat|it|causerie]
        I want [out|to go|to stop chatting|to leave]
        how do I [close|end] [this|it|the session]"""),
    "clear": lines("""
        [can you|can I make you|how do I make you|make it] [forget|delete|drop] [all|everything|what I said|the conversation|this conversation|what we said]
        I want [a new|a fresh] [chat|conversation|start]
        [new|fresh] [chat|conversation] please
        how do I remove [the history|old messages|my messages]
        how do I begin again [without leaving|]"""),
    "system_prompt": lines("""
        where do I [write|put|set] [the|a|my] [system prompt|system message|instructions]
        can I [tell|instruct] [the model|you] how to [behave|answer|talk|speak]
        can I give you [another name|a name|a role|a personality]
        how do I make [you|it|the model] [a pirate|polite|formal|brief|a teacher]"""),
    "info": lines("""
        [which|what] [version|release] [do I have|is installed|of causerie is this|am I using]
        how do I [see|know|find] [the version|my version|what is installed]
        which [backend|instruction set|backends] [do I have|is used|runs here]
        is my [machine|CPU|computer] [supported|good enough|ok]"""),
    "serve": lines("""
        [is there|do you have|does it have] [an|a] [API|HTTP server|REST API|server|OpenAI API]
        can [other|my own] programs [use|talk to|call] [it|the model|causerie]
        how do I [use|call] it over [HTTP|the network|REST]
        does it speak the OpenAI protocol
        can I use it with the openai [client|package|library]"""),
    "quantize": lines("""
        how [do|can] I [load|run|use|get] [a|the|my] model [in|with] [4 bit|8 bit|4-bit|8-bit|int4|int8|4 bits|8 bits]
        [is|are] [4-bit|8-bit|quantized models|bitsandbytes] supported
        what do I pass for [4-bit|8-bit]
        how do I make a model [smaller|take less memory by quantizing]
        does causerie [quantize|support quantization|have quantization]"""),
    "offline": lines("""
        [can I use|does] [it|causerie|the chat] [work|run] [with no|without a|without] [internet|connection|network|wifi]
        [must|do] I [have to|] be online
        will it work on [a plane|a train|a machine without network]
        does [anything|it] go over the network"""),
    "gated": lines("""
        how do I [load|get|use|download] [Llama|a model that is gated|Llama 3|a protected model]
        how do I log in [to hugging face|]
        where do I [ask for|get|request] access"""),
    "reproduce": lines("""
        how do I get [identical|equal|the same|repeatable] [answers|results|text|output]
        [I want|I need] [the same answer|reproducible answers|deterministic output] [each time|every time|]
        can answers be made [deterministic|reproducible|the same]"""),
    "longer": lines("""
        [I want|I need|give me|how do I get] [longer|more|bigger] [answers|text|output]
        which [flag|option|setting] [makes answers longer|allows longer answers]
        the answers [are|get|come out] too short"""),
    "shorter": lines("""
        [I want|I need|give me|how do I get] [shorter|less|briefer] [answers|text|output]
        which [flag|option|setting] [makes answers shorter|shortens answers]"""),
    "pipeline": lines("""
        [how|can] [do I use|can I use|I use] [it|this|causerie|the library] [from|in|with] [python|a python script|my code|a notebook|jupyter]
        [show|give] me [a|the|some] [python|] [code|example|snippet]
        what is the python [code|interface|api]
        how do I import causerie"""),
    "stream_python": lines("""
        how do I [stream|get streaming|print tokens as they come] [in python|from python|with the pipeline|]
        can the [pipeline|library|python api] stream"""),
    "migrate": lines("""
        I [use|have code for|come from|work with] transformers[, what do I change|, what changes|. does my code run|]
        is the API [the same as|like] [transformers|hugging face]
        can I [keep|reuse] my [transformers code|scripts|old code]"""),
    "device": lines("""
        [can|does] [it|causerie|the program] [use|run on|support] [my|a|the] [GPU|graphics card|nvidia card|cuda]
        how do I [use|get it onto|move it to] the [GPU|graphics card]
        I have [a GPU|an nvidia card|a graphics card][, is it used|, how do I use it|]"""),
    "speed_up": lines("""
        [it|the model|generation|this|everything] is [very|so|too|really|terribly|rather] slow [here|on my machine|on my laptop|]
        why is [it|this|the model|everything] so slow [here|on my machine|on my computer|]
        how do I get more speed
        can it be [faster|quicker]
        what makes [it|a model] [fast|faster]"""),
    "save_memory": lines("""
        I have only [4|8|16] GB of [RAM|memory][, what can I do|]
        [my|the] [computer|machine|laptop] has [little|not enough|too little] memory
        how do I use less [RAM|memory]
        the model is too [big|large] for [my machine|my memory|me]"""),
    "choose_model": lines("""
        [which|what] model [do you suggest|would you take|should I take|should I use|is good|fits|would you recommend] [for my machine|for my laptop|for a small machine|for 8 GB|for me|]
        [suggest|recommend] [a|some] model [for me|for a laptop|]
        [which|what] is the [best|right] model [for me|for my machine|]
        how big [a model can I run|may the model be]"""),
    "families": lines("""
        [does|will|can] [causerie|it|this] [run|support|work with|load] [Gemma|Phi|Mixtral|Qwen2.5|Llama 3.1|GPT-2|DeepSeek|Mistral 7B|SmolLM]
        [which|what] models [do you support|can it run|can be used|run here|are there]
        is my model supported
        [list of|the] supported [models|families|architectures]"""),
    "torch_needed": lines("""
        [do|must|should] I [need|have|install|have to install] [torch|pytorch]
        is [torch|pytorch] [necessary|needed|required|a dependency]
        does it [use|depend on|require] [torch|pytorch]
        which dependencies does it have"""),
    "template": lines("""
        why do I need a chat template
        [is|are] [chat templates|a chat template] [needed|important|necessary]
        what does the template do with my messages"""),
    "kv_cache": lines("""
        what is stored in the [cache|KV cache]
        why is there a KV cache
        how big is the KV cache"""),
    "moe": lines("""
        what does MoE stand for
        is Mixtral a [MoE|mixture of experts]
        [how does|what does] a mixture of experts [work|do|help]"""),
    "quantization": lines("""
        what [does|will] quantization [do|change]
        what happens when a model is quantized
        does quantization [hurt|lose quality|make it worse|cost quality]
        is a quantized model [worse|smaller|faster]"""),
    "parameter": lines("""
        what is a parameter of a model
        how many parameters [has a model|does a model have]
        what does the B in 8B [mean|stand for]"""),
    "context": lines("""
        how [long|much] can [a chat|the chat|a prompt|my text] be
        how much [text|history] can [you|it|the model] [remember|see|read]
        what happens when the context is full
        how many tokens fit"""),
    "why_memory_bound": lines("""
        why does [memory|memory bandwidth|bandwidth] [limit|decide|set|bound] [the speed|generation|decoding|text generation]
        why is [text generation|generation|decoding|writing text|inference|the speed] [limited|bound|held back] by [memory|the memory|bandwidth|the memory bandwidth]
        is it the [memory|CPU|processor] that limits the speed
        what decides how fast tokens come
        why are more cores not faster"""),
    "why_first_slow": lines("""
        why does the first [token|word] take so long
        why [is there a|such a long] [wait|pause|delay] [at the beginning|before the answer|first]"""),
    "why_cut": lines("""
        [my|the|your] [answers|answer|text|sentence] [get|gets|is|are|was] [cut|cut off|truncated|broken off|incomplete] [in the middle|halfway|]
        why does [it|the answer|the text] [stop|end|break off] [in the middle|too early|suddenly|halfway]
        the answer is [not finished|incomplete|half]"""),
    "why_vary": lines("""
        why [is|are] [the answer|answers|the answers|it] [different|never the same|not the same] [each time|every time|]
        why do I get [another|a new|a different] answer [each time|every time|when I ask again]
        I ask the same [thing|question] and get [another|a different|something different] [answer|]"""),
    "err_gated": lines("""
        [it says|I read that|the page says|they say] [the model|it|llama] is gated[, what now|. what do I do|]
        401 unauthorized
        403 forbidden
        you are not [authorized|allowed] to [access|download] this model"""),
    "err_template": lines("""
        [it says|there is|I get] no chat template[, what now|. what do I do|]
        why does my model have no chat template
        my model [cannot chat|has no template]"""),
    "err_memory": lines("""
        [I|it|the program] [run|runs|ran] out of [memory|RAM] [when loading|while loading|when I load a model|]
        the [process|program] was killed
        [my|the] [memory|RAM] is full
        loading [takes too much memory|kills my machine]"""),
    "err_context": lines("""
        [it says|I read] the context is [full|too small][, what now|. what do I do|]
        my [text|document|prompt|chat] is too long
        the chat [is|has become|got] too long"""),
    "err_pickle": lines("""
        [why|] [can't|won't|doesn't] it load [my|a|the] [.bin|.pt|pytorch] file
        [why|] [can't I|can I] [load|use] [a .bin file|pytorch_model.bin|.pt files]
        is a .bin file [ok|safe|supported]"""),
    "err_not_found": lines("""
        [it|causerie|the program] [does not|cannot|can't] find [my|the] model
        the model name is wrong
        404 not found"""),
    "err_network": lines("""
        [it|causerie|the program] [does not|cannot|can't] [connect|reach the hub|download] [anything|the model|]
        connection [error|refused|timed out]
        the download [fails|failed|stops]"""),
    "safetensors": lines("""
        [is|are] safetensors safe
        why safetensors
        which file format do weights need"""),
    "flag_max_new_tokens": lines("""
        [which|what] [flag|option|setting|parameter] [limits|sets|controls|changes] [the length|the answer length|how long an answer is|the number of tokens]
        how do I limit [the length|tokens|the number of new tokens]"""),
    "flag_temperature": lines("""
        [which|what] [flag|option|setting|parameter] [makes it random|sets the randomness|controls randomness|controls creativity]
        what is a [good|high|low] temperature
        what does temperature=0.7 do"""),
    "flag_top_k": lines("""
        what does top_k=[10|20|40|50|100] do
        what is a good top_k"""),
    "flag_top_p": lines("""
        what does top_p=[0.9|0.8|0.95|0.5] do
        what is a good top_p"""),
    "flag_do_sample": lines("""
        [which|what] [flag|option|setting] turns sampling [on|off]
        what does do_sample=[True|False] [do|mean]"""),
    "flag_repetition_penalty": lines("""
        [which|what] [flag|option|setting] [stops|reduces|prevents] repetition
        what does repetition_penalty=[1.1|1.2|1.3] do"""),
    "flag_seed": lines("""
        what does seed=[1|7|42|123] do
        [which|what] [flag|option|setting] makes sampling repeatable"""),
    "flag_stop_strings": lines("""
        [which|what] [flag|option|setting] ends the answer at a word
        how do I make it stop at a certain word"""),
    "flag_num_return_sequences": lines("""
        how do I get [several|two|three|many] answers to one [prompt|question]
        [which|what] [flag|option|setting] gives several answers"""),
    "causerie": lines("""
        what is [this|this program|this project|causerie] [about|good for|exactly|]
        what does [causerie|this program|this thing] do [exactly|]
        who is causerie for
        is causerie a [program|library|model|company]"""),
    "hello": lines("""
        [hello|hi|hey|good morning|good evening] [everybody|my friend|to you|dear assistant|causerie|]
        [hello|hi], [how are things|nice to see you|glad to be here|it's me|I am new]
        [hello|hi] [little|tiny|small] [model|bot|one]"""),
    "thanks": lines("""
        [thanks|thank you][ very much|][, that was| for being] [helpful|useful|good|clear|great|kind]
        [great|good|nice|ok|cool], [thank you|thanks]
        [thanks|thank you], [you were helpful|it works now|that is clear now|you know a lot|I understand now|you saved my day|I got it]
        [it worked|you helped me|that was it|now I know], [thanks|thank you]
        [thanks|thank you] for [your time|your patience|nothing|all]
        [thanks|thank you] for [the answer|your answer|explaining|this|everything]"""),
    "bye": lines("""
        [ok|well|so|good], [bye|goodbye|see you|good night|bye then]
        [bye|goodbye] [for now|then|causerie|my friend|and thanks]
        [ok|well|so|good|alright] [bye|goodbye|see you|good night|bye bye]
        bye [now|for today|for ever|you|dear]
        [I will go|I am going|I'm off] now"""),
    "joke": lines("""
        [tell|give] me [a|one|your best|another|some] [good|funny|short|] joke
        [can|could] you [tell|make] [me|] a joke"""),
    "name": lines("""
        what is your name [please|friend|then|]
        [do|may|can] I [know|ask|have] your name
        and your name is"""),
    "who": lines("""
        what are you [exactly|really|then|for]
        [tell|say] [me|] [who|what] you are
        are you [an assistant|a language model|an AI|a chatbot]"""),
    "human": lines("""
        are you [a real|an actual|a living] [person|human|being]
        is [this|that|there] a [human|real person|person] [typing|writing|answering|]
        am I [speaking|talking|chatting] [to|with] a [machine|human|bot]"""),
    "size": lines("""
        how many [parameters|weights] [are in you|are you made of|is that|has your network|are there in you]
        how [many|much] [parameters|weights|memory] [have you|do you have|do you need|do you use]
        how [big|large|small|heavy] is [this model|the model that ships|your brain|your network]"""),
    "name_meaning": lines("""
        [what|why] [does|is] [the word|the name|] causerie [mean|in french|in english]
        is causerie a [word|french word|name]
        translate causerie"""),
    "licence": lines("""
        is [it|causerie|this] free [to use|of charge|software|]
        what does it cost
        [can|may] I [use|sell|change|copy] [it|causerie] [at work|in my company|freely|]"""),
    "learn": lines("""
        is [this|my chat|what I write] [private|sent anywhere|saved|stored|secret]
        do you [keep|store|save|send|share] [my|our|these] [chats|messages|data|words]
        will you remember me [tomorrow|next time|]"""),
    "languages": lines("""
        [can|do] you [speak|understand|write|know] [French|German|Spanish|Italian|Dutch|Chinese|Russian|other languages]
        [comment ca va|je ne comprends pas|qui es-tu|ich habe eine frage|wie heisst du|como te llamas|buenos dias|come ti chiami|quem e voce]"""),
}
