"""How people put the questions of single topics, first part: whole questions, by topic id. Words only."""

from __future__ import annotations

from training.dialogues.phrasing import lines

FORMS: dict[str, tuple[str, ...]] = {
    "start_chat": lines("""
        [I want to|let me|can we] [talk|chat] [now|], [what is the command|what must I enter|which command do I need]
        [fresh install|just set up|first time here], how [do I get going|does a chat begin]
        how do I [fire up|bring up|kick off] [a|the] [chat|conversation]
        where is the [chat|start button], [what do I enter|what do I run]
        [opening|starting|launching] a [chat|conversation] [in the terminal|from the shell|]
        which [word|command] do I [enter|write] to have a [chat|talk] with [the small model|the model that comes with it|you]"""),
    "make_chat": lines("""
        [I am|I'm] [inside|sitting in] the [source tree|git checkout|cloned folder], what [starts|opens] the chat
        [is there|do you have] a [make|Makefile] target [for chatting|that opens a chat|to talk]
        how do I [try|run] it [straight|directly] from [git|the sources|the repo] [without pip|]
        [no install|nothing installed], only the [repo|clone], how can I chat
        [build and talk|compile and chat] with one [make command|command in the clone]"""),
    "chat_model": lines("""
        [you know too little|this model is too small], [give me|I need] [one with more knowledge|a stronger one]
        how [do I|can I] [start|open] a chat with [a certain|another|some other] [checkpoint|LLM|model of my choice]
        [name of the model|model name] on the command line, where does it go
        I would like to [try|test|talk to] [Mistral 7B|SmolLM2 1.7B|Qwen3 4B|Llama 3.2 3B] [here|with this|]
        [can causerie|how does causerie] [fetch|download and run|run] a model from [huggingface|the hub]
        [launch|start] it with a [specific|bigger|downloaded] model"""),
    "switch_model": lines("""
        [mid-chat|while talking] I want [a different|another] model, [what do I do|is that possible]
        can I [jump|hop|go] to [another|a different] model [without restarting|in this chat|halfway]
        [trade|exchange|swap] this model for [a better one|another]
        [done|finished] with this model, now [the next one|another one], how
        [is it possible to|how do I] have [two models in one chat|the chat go on with another model]"""),
    "one_shot": lines("""
        my [script|program|cron job] needs [just|only] [one reply|a single reply|one output]
        [print|give me] [just|only] the [reply|response|output], nothing else, [how|from the shell]
        [non-interactive|batch|scripted] [use|mode]
        how do I [capture|save|store] the [answer|reply] [in a shell variable|in a file|of one question]
        can I [feed|send] it [a file|text] [through|over] a pipe and [get|read] the [answer|reply]
        one [question|prompt] [in|on the command line], one answer out"""),
    "set_flags": lines("""
        [on the command line|in the shell], how is [temperature|top_p|max_new_tokens] [written|given|spelled]
        [where|how] do I [hand over|enter|type] [sampling settings|generation settings|key=value things]
        [can you|please] show the [syntax|notation|spelling] for [a flag|options|settings]
        I want [my own|other] [settings|generation options] when the chat starts
        [adjust|tune|tweak] [the generation|how it generates|the settings] [at start|from the command line]"""),
    "list_flags": lines("""
        [is there|where is] a [full|complete] [list|overview|table] of [flags|options|parameters]
        [everything|all] that [can be set|is adjustable], [please|where]
        [what else|what all] can [I|one] [tune|adjust|set|tweak]
        how do I [print|read|get] the [help text|usage|options page] [of the chat command|]
        [which|what] [knobs|settings|switches] [exist|are available|does it have]"""),
    "stop_answer": lines("""
        [it goes on and on|the text does not end|it will not shut up], [help|what can I press|how to halt it]
        [which|what] [key|keys] [ends|cuts off|kills] [the reply|the output|what you are writing]
        I have [seen|read] enough, [how do I cut it off|can I halt the reply]
        [can I|how do I] break off [mid-answer|while it writes|a reply] [and keep the chat|]
        halt the [reply|output|text] [while it streams|]"""),
    "leave": lines("""
        [I am finished|that is all for today|time to go], how do I [close this|get out|shut this down]
        [what do I type|which word] to [end this session|be done|go back to the shell]
        how do I get [back to|] my [shell|prompt|terminal] [back|]
        [terminate|close|shut down] [the program|this session|causerie]
        how [can|do] I [finish|end] [this|our] [talk|session]"""),
    "clear": lines("""
        [new topic|other subject], please [drop|throw away] what we said [before|], how
        how do I [wipe|empty|drop] [the memory of this chat|what was said|the context]
        [fresh start|clean slate|blank page] [in this chat|please|], [how|what do I type]
        can [you|it] [drop|lose|unlearn] [our|the] [earlier messages|past messages|history so far]
        [remove|throw away|delete] all [previous|earlier] messages"""),
    "commands": lines("""
        what [words|things] [does this prompt understand|can be typed here|work at the prompt]
        [list|overview] of [chat commands|what I can type|the words that work inside]
        [apart from|besides] questions, what can I [enter|type] [here|in the chat]
        [I am in the chat|I see a prompt], [which commands are there|what is possible]
        slash commands[|, which ones exist|: list them]"""),
    "system_prompt": lines("""
        [I want|how do I get] [the model|it] to [behave|act|talk] like [a teacher|a pirate|an expert|a lawyer] [all the time|]
        where do [standing|general|permanent] instructions go
        how can I [tell|order] the model [how to behave|to be brief|to use another tone] [for the whole chat|from the start|]
        give it a [persona|role|character] [for the session|at start|], how
        [every answer|all answers] should be [in one sentence|polite|formal], where do I say that"""),
    "info": lines("""
        [how do I|can I] [see|list|check] [what hardware it found|which instruction set is used|how many threads it uses]
        [is|why is] the [torch|native] backend [available|not available|missing] [here|], how do I find out
        [diagnostics|a status report|system details|a report for a bug]
        which [release|version] of causerie [runs|do I have] here
        [something|a command] that [tells|shows] [what my install can do|if everything was found]"""),
    "serve": lines("""
        [other apps|my editor|my web app|a phone app] should [reach|talk to|use] the model, how
        can I [point|aim] [the openai client|an OpenAI app|my tool] at [it|causerie]
        [make the model|offer it] available [on a port|over the network|as a web service]
        [REST|HTTP|web] [endpoint|service|interface] for [the model|my programs]
        I [need|want] [an endpoint|an api url|a local api]"""),
    "quantize": lines("""
        [how do I|can I] [store|hold|keep] [the weights|a model] in [fewer|less] bits
        [load|open] it [in int4|in int8|with four bits|with eight bits], [what is the option|how]
        [squeeze|pack] the model [down|into four bits|so it needs less RAM]
        which [option|argument|switch] [gives|makes] [4-bit|8-bit] [weights|loading]
        I want a [quantized|compressed] [version|model] [here|at load time]"""),
    "install": lines("""
        [what steps|which steps] to [get this running|put it on my PC|set everything up]
        is there [a|an] [pip package|installer|setup], [how do I use it|where]
        [getting|putting] causerie [onto|on] [a new machine|my laptop|a server]
        what do I [download|need to download] [to have causerie|first]
        [setup|installation] [instructions|guide|steps]"""),
    "run_tests": lines("""
        [how can I be sure|verify|prove] that the [build|install|project] [is fine|works]
        [where is|run] the test suite
        [is there|which is] a [command|target] [that tests all|for testing|to check the code]
        I changed the [code|source], how do I [test|check] it"""),
    "offline": lines("""
        [my laptop|this machine|the server] has no [internet|network|wifi], [is that a problem|will it run]
        [without|with no] [connection|wifi|internet], [what works|does the chat work]
        [on a train|on a plane|in a bunker], can I [still|] [chat|use it]
        does [it|causerie] [phone home|go online|contact a server|need the web]
        [air-gapped|disconnected] [use|machine]"""),
    "local_folder": lines("""
        I [downloaded|copied|saved] a [model|checkpoint] [to disk|into a folder] [myself|], how do I [open|start|use] it
        [path|directory] instead of a [name|hub id], [does that work|possible]
        the weights [are|lie] [on my drive|in ./models|in a directory], now what
        [point|aim] causerie at a [directory|path]
        chat with [files I already have|a model on my hard disk]"""),
    "revision": lines("""
        [a certain|one particular|an exact] [commit|branch|tag] of a model, [how|how do I ask for it]
        [freeze|lock|fix] the [model version|exact version of a checkpoint]
        [how do I write|where goes] the [branch|tag|commit] [of a hub model|in the name]
        not the latest [version of the model|weights] but [an earlier|an older] one"""),
    "gated": lines("""
        the hub [asks for|wants] a [licence|login|permission|token] [before I may download|for this model]
        [access denied|401|not allowed] [when downloading|for] [a Llama|a model]
        how do I [log in|sign in|authenticate] [for downloads|to the hub|with my account]
        I [was refused|have no rights] [to download|for] the model, [what do I do|how do I get in]
        [request|apply for|obtain] [access|permission] [to|for] a [restricted|closed|protected] model"""),
    "reproduce": lines("""
        [my tests need|I need] the [exact same|very same|identical] [text|output] [on each run|every run]
        [no randomness|no surprises]: same [input|question], same [output|text]
        how do I [fix|freeze|pin] the [output|randomness|result]
        [repeatable|deterministic|reproducible] [output|runs|text]
        can the [output|text|reply] be [made|kept] identical [each time|on every run]"""),
    "longer": lines("""
        [it writes|I get] only [two lines|a sentence|a few words], I want [a page|more|a long text]
        how do I [raise|lift|increase] the [limit|length] [of the reply|of what it writes]
        [allow|permit|let] it [to|] [write more|go on longer|use more tokens]
        replies [are too brief|should be longer|should not end so soon]
        more [output|words] per [reply|question], please"""),
    "shorter": lines("""
        [it writes|I get] [whole novels|too much text|endless pages], [I want less|how do I cap it]
        [cap|bound|restrict] the [reply|output|number of tokens]
        [brief|terse|compact] [replies|output] [only|], how
        [one line|a few words] would [be enough|do], how do I get that
        put a [ceiling|maximum|limit] on the [reply|length]"""),
    "less_random": lines("""
        the [replies|output] [are|is] too [wild|chaotic|crazy|weird], [calm it down|how to tame it]
        [I want|give me] [sober|predictable|steady|serious] [replies|output]
        [no|without] [dice|chance|randomness] [please|], [which setting|how]
        how do I [tame|calm] [it|the model]
        [reduce|lower] the [randomness|chaos|chance]"""),
    "more_random": lines("""
        [every reply|all it says] is [dull|flat|predictable|always alike], [more spice|how do I change that]
        [more|some] [imagination|fantasy|creativity|surprise], please
        how do I make it [write poetry with more ideas|wilder|less predictable]
        [raise|increase] the [creativity|randomness|variety]
        [I want|give me] [inventive|imaginative|lively] [replies|text]"""),
    "no_repeat": lines("""
        the [same|very same] [sentence|phrase|word|paragraph] [again and again|ten times|forever]
        it [is stuck|hangs|got caught] in a [circle|loop], [which setting|how to fix it]
        [stuck|endless] [repeating|loop|repetition] [fix|setting|flag]
        [it|the model] [keeps saying|writes] the same [thing|words], [can I forbid that|what setting helps]
        how do I [punish|forbid|suppress] [repeated|duplicate] [words|phrases]"""),
    "pipeline": lines("""
        [I code in|from] Python[, how do I call it| I want to call it|: how]
        [minimal|smallest|short] Python [example|code|program]
        [how do I|can I] [embed|use|put] causerie in [my own program|my app|a notebook]
        [Python|programming] [interface|API|usage]
        which [function|import] do I [need|use] in [a script|Python]"""),
    "auto_model": lines("""
        [without|not] the pipeline but [the parts|model and tokenizer] [by hand|one by one|myself]
        [lower level|more control|fine control] [in Python|over generation|than the pipeline]
        how do I [call|use] generate [myself|directly|on a model]
        [get|load] the tokenizer [object|] and the model [object|] [in Python|separately]"""),
    "continue_python": lines("""
        [second|next|follow-up] [turn|message|question] in [code|my script|a program]
        how [does my program|do I in code] [keep|carry on] the [conversation|chat]
        [remember|keep] [what was said|earlier messages] [between calls|in Python|across calls]
        the pipeline [forgets|does not know] [my first question|the earlier turn], how do I [pass it on|go on]"""),
    "stream_python": lines("""
        [print|show] [words|tokens|text] [as they come|live|one at a time] [in Python|in my program]
        my [GUI|program|app] should [show|receive] the [text|words] [while it is generated|immediately|live]
        [do not wait|without waiting] for the [whole|full] [answer|text] [in code|in Python]
        [live|incremental] output [from generate|in Python]"""),
    "migrate": lines("""
        I have [a script|code|a program] [for|written with|using] transformers, [does it run here|what must change]
        [swap|trade] transformers [for|with] causerie, [how hard is it|what do I edit]
        [coming from|used to] [Hugging Face|transformers], what [is different|do I change]
        drop-in [replacement|]
        do I have to [rewrite|change] my [Hugging Face|transformers] [code|program]"""),
    "apply_template": lines("""
        [how do|can] [roles and contents|the messages] become [one text|one string|the prompt]
        [render|write out|print] [a chat|messages] as [the model sees it|prompt text|a string]
        [which|what] [method|function] [makes the prompt string|formats the conversation]
        see the [exact|raw] prompt [text|] [of a chat|]"""),
    "prefill_answer": lines("""
        [the reply|the answer] should [begin|start] with [my words|a given text|certain words]
        [can I|how do I] [write|give] the [opening|first words] of [the reply|its answer]
        [force|make] the [first words|start|opening] of the [reply|answer]
        let it [complete|finish] [a sentence I began|my half answer]"""),
    "batch": lines("""
        [a hundred|thousands of|lots of] [questions|prompts|chats], how do I [run|do] them [fast|together|in one go]
        [parallel|simultaneous] [chats|prompts|requests] [in Python|]
        [pass|give] [it|the pipeline] [several|a list of] [conversations|questions]
        [work through|process] a [dataset|file of questions|list]"""),
    "dtype": lines("""
        [how do I|where do I] [tell|say] [which|what] [number format|precision] [to use|the weights have]
        [load|keep] the [weights|model] as [16-bit|32-bit|bf16] [numbers|]
        [force|choose|want] [float32|half precision|bf16] [when loading|for the weights]
        which [argument|parameter] [sets|chooses] the [precision|number type]"""),
    "device": lines("""
        I [own|have|bought] [a graphics card|an NVIDIA card|an RTX], [how do I use it|will it be used|what do I set]
        [put|move|place] the model [on|onto] the [GPU|graphics card|second GPU]
        [does it|can it] run on [nvidia|cuda|my card]
        [GPU|cuda] [support|acceleration|usage]
        choose [between CPU and GPU|where the model runs]"""),
    "speed_up": lines("""
        [this is|it is|generation is] [crawling|painfully slow|like a snail], [what can I do|help|any trick]
        [how do I get|I want] [more speed|quicker replies|answers sooner]
        [boost|raise|double] the [speed|tokens per second]
        what [helps|makes a difference] [for speed|when it is slow]
        [accelerate|hurry up] [the model|generation|it]"""),
    "save_memory": lines("""
        [my RAM is full|it eats all my RAM|only 8 GB here], [what can I do|how do I cope|tips]
        [squeeze|get] a [large|big|huge] model [into|onto] [little memory|my small machine|8 GB]
        [cut|lower|halve] the [memory use|RAM usage|footprint]
        [the machine|my computer] [swaps|is out of RAM], what [helps|now]
        [running|using] [big|large] models with [little|small] memory"""),
    "see_speed": lines("""
        [where|how] do I [read|see|find] the [tok/s|token rate|speed figure]
        [is|how is] the [speed|rate] [measured|shown|printed|displayed]
        [benchmark|time|measure] [my machine|the model|it]
        how [many tokens|fast] [do I get|does it run] here, [where is that shown|can I see that]"""),
    "choose_model": lines("""
        [which|what] model [suits|is good for|fits] [my laptop|16 GB|a small PC|a beginner]
        [too many|so many] models, [help me choose|which one|what should I take]
        [your|any] [advice|recommendation|tip] for a [first|good|decent] model
        [best|good] model for [chatting|everyday use|my RAM|this machine]
        how do I [decide|know] [what size to take|which one to take]"""),
    "find_models": lines("""
        [where|on which site] [can I browse|do people get|are] [checkpoints|models|weights] [published|for download|]
        [list|catalogue|collection] of models [to download|]
        [where|how] do I [look for|discover|browse] [models|more of them|something to download]
        [is there|do you know] a [site|place|shop] for models"""),
    "families": lines("""
        [does|will] [Gemma|Phi|DeepSeek|Mixtral|Falcon|GPT-2] [work|run] [here|with causerie]
        [what|which] [kinds|types|architectures] of [models|checkpoints] [run|load|are known]
        [compatible|supported] [models|checkpoints|architectures]
        [is|are] [Llama 3|Qwen3|Mistral|SmolLM2] [supported|possible|among them]"""),
    "builtin_path": lines("""
        [where on disk|in which directory] [is|lies] the [small|shipped|own] model
        [path|folder|location] of [the built-in model|your weights]
        how do I [open|load|name] the [shipped|included] model [in code|in Python|]
        what [name|path] do I [pass|give] for the [built-in|included] model"""),
    "torch_needed": lines("""
        [must|should] I [get|install|have] [PyTorch|torch] [too|first|beforehand]
        [is|are] [PyTorch|gigabytes of torch] [a must|mandatory|necessary]
        [can I|does it] [run|chat] [with no|without] [torch|PyTorch] [installed|on the machine]
        what [needs|uses] torch [here|in causerie]"""),
    "retrain": lines("""
        [how|with what] [was|did] [this|the built-in] model [come about|get trained|learn]
        can I [train|make|build] [my own version of you|you from scratch|you again]
        [reproduce|repeat] your [training|making]
        where [is the code|are the scripts] that [trained|made] you"""),
    "token": lines("""
        what [unit|piece] [do you count in|does a model read|is text cut into]
        [why|how] [do people count|is text measured] in tokens
        [is a token|are tokens] [the same as|like] [a word|words|letters]
        [pieces|chunks] of text that a model [reads|sees], what are they called"""),
    "tokenizer": lines("""
        what [cuts|splits|chops] [text|words] into [pieces|tokens]
        [how does|who does] text become [numbers|token ids]
        [role|job|purpose] of tokenizer.json
        what [part|thing] turns [words|letters] into [ids|numbers]"""),
    "context": lines("""
        how much [text|history|of our chat] can [the model|it] [remember|keep in view|look at]
        [what happens|what if] [the chat gets too long|the window is full|there is no room left]
        [limit|size] of what [the model|it] can [see|remember]
        does it [remember|see] the [whole|entire] [chat|conversation]"""),
    "template": lines("""
        how are [messages|turns] [laid out|written] for the model
        what [is|does] [chat_template.jinja|that jinja file] [for|do]
        why does [every|each] model [want|have] its own [chat format|message format]
        [format|layout] in which [a model|the model] [expects|wants] [messages|a chat]"""),
    "system_message": lines("""
        what is the [first|hidden|special] message [that steers the model|with instructions|for]
        [what|which] [role|message] [steers|directs|guides] the [model|assistant]
        [purpose|role|use] of the system [message|prompt|role]
        what does [the role system|a message with role system] do"""),
    "kv_cache": lines("""
        what [is kept|does it keep|is stored] [of past tokens|between tokens|while it writes]
        [why|how come] it need not [reread|recompute] [the chat|everything] [for each token|]
        [keys and values|k and v] [cache|storage|memory], [what is it|why]
        what [eats|takes] memory [besides the weights|when a chat grows]"""),
}
