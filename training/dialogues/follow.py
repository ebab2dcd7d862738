"""Questions that make sense only after the turn before: more, shorter, an example, why, how, the same for another thing."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from training.dialogues import unseen
from training.dialogues.phrasing import expand, noisy
from training.dialogues.topic import Topic, Turn

MORE = ("tell me more", "more [details|information|please]", "more", "can you say more?", "go on", "[explain further|continue]", "in more detail[ please|]", "what else?",
        "please elaborate", "I want to know more", "anything else?", "can you explain more?", "more about that", "and what else?", "tell me more about [it|that|this]", "[a bit|a little|some] more[ please| about it|]",
        "I'd like [more|some more] [details|information]", "can I [hear|read|know] more[ about it|]?", "do you [have|know] more[ on that| about it|]?", "what more can you [say|tell me]?", "say a [little|bit] more", "expand on [that|it]",
        "is there more to [say|know]?", "keep going", "is that all?", "please go on", "let me hear more", "I am interested, more please", "give me more details", "what else [is there|do you know|can you say]?",
        "could you tell me a bit more?", "I would like to hear more",
        "[is there|do you have] anything [you can|to] add[?|]", "I want [to hear|to read|to learn|] further details", "[add|give] [something|a bit|some detail|further details][ to that| to it|]",
        "[more|further] [words|facts|explanation|background][ please| on that|]", "[go|dig] [deeper|further][ into it| into that| please|]", "[elaborate|extend it|extend that|enlarge on it|flesh it out][ please|]",
        "[what|anything] more [is there|could you add|would you add][ about it| about that|]?", "[that was short|that is brief|that is not much], [please say more|what else|more please]", "[could|would] you [elaborate|extend that|go further|go into detail|explain at length]?",
        "[a longer|the long|a fuller] [version|explanation|answer][, please| would help|?]")
SHORTER = ("shorter[ please|]", "in one sentence[ please|]", "too long", "briefly[ please|]", "summarize that", "can you make it shorter?", "in short?", "say it shorter",
           "shorter, please", "make it short", "the short version", "in fewer words", "sum it up", "can you say that in one sentence?", "say it in one line", "in brief[ please|]", "can I have the short form?",
           "that is too much text", "cut it down", "keep it short", "give me the short [answer|version]", "that was [too long|too much]", "less words[ please|]", "just the main point", "what is the short answer?", "please shorten [that|it]",
           "that was long, say it in brief", "please say it in a shorter way",
           "[could|can|would] you put [that|it] in fewer words?", "[please|] condense [it|that|this][ please|]", "[boil|trim|strip] [it|that] down[ please|]",
           "[compress|reduce|tighten|compact|abbreviate] [that|it|your answer][ please|]", "[the gist|the essence|the core|the main thing|the key point|a summary|the summary] [please|only|will do|of it|of that|]", "[say|put|express|phrase] [it|that] [more briefly|more shortly|more compactly|in a nutshell|concisely|in few words]",
           "[be|can you be|please be] [briefer|more concise|more brief|terse|short]", "[I have no time|no time|I am in a hurry], [the short version|in brief|keep it short|only the core]", "[one|a single] [line|sentence] [is enough|will do|please|would be nice]",
           "[a shorter|a brief|a compact|the brief] [version|answer|form|wording][ please| of that|?|]", "[too|so] [long|many words|wordy|lengthy|much][, shorter please|, say it in brief|, cut it|]")
EXAMPLE = ("for example?", "[give me|show me|can you give me] an example", "an example[ please|]", "example?", "like what?", "such as?", "do you have an example?", "give [one|an] example", "let me see [one|an example]", "an instance?", "can you make an example?", "how would an example look?", "what would be an example?", "one example[ please|]",
           "e.g.?", "what would that look like?", "can you show me?",
           "could I see an example?", "what is an example of that?",
           "[would|could|can] you illustrate [it|that|this]?", "[please|] show [me|] an example of [it|that]", "[illustrate|demonstrate|exemplify] [it|that][ please|]",
           "[a concrete|a practical|a real|some|one] [case|example|instance|sample][ please|?|]", "[what|which] [would be|is] [a typical|one|an|a good] [example|case|instance][ of it|]?", "[name|give|tell|offer] [me|us|] [one|an|some] [example|instance|case|examples]",
           "[how|what] does [it|that] look [like|] in [practice|reality|a real case]?", "[in|make it] [concrete|concrete terms|practice][ please|?|]", "[like|as] [which|what], [for instance|for example]?",
           "[can|could] I [see|get|have] [a case|an instance|a sample|an example][ of that|]?")
WHY = ("why?", "why is that?", "why so?", "and why?", "how come?", "what is the reason?", "but why?", "why is it so?", "for what reason?", "can you say why?",
       "what is the reason for that?", "and the reason?",
       "what would be the reason?", "could you [tell|explain to] me why[?| it is so?]", "[the|what is the|what was the] [cause|ground|explanation][ of that| for it|?]",
       "[explain|tell me|say] why[ please|]", "[on what grounds|how so|why exactly|why really|what makes it so|how is that|what causes that]?", "[why should|why would|why must|why does] [it|that] be [so|like that|true]?",
       "[I wonder|I ask myself|I do not see|tell me|show me] why [that is|it is so|]", "[what|which] [lies|is|stands] behind [it|that]?", "[and|so] [the|what] reason[ is| would be|]?",
       "[reason|cause|explanation|motivation]?")
HOW = ("how do I do [that|this|it]?", "how?", "and how?", "how do I use it?", "how can I do that?", "what do I type?", "how do I get [that|it]?", "and how do I do that?",
       "what is the command?", "which command?", "how do I turn it on?", "and in causerie?", "how do I start it?", "how do I set it?", "show me how", "how does one do it?", "how to do that?", "how does that go?", "and the command?",
       "how can I [get|have|use] that?", "what must I type[ then|]?", "what do I have to [type|write|do]?", "can you tell me how to do it?", "so how do I [do it|begin]?", "what is the command for [it|that]?", "how does it work in practice?",
       "what would I type for that?", "so how is it done?",
       "[which|what] steps do I take for [it|that|this]?", "how would I do such a thing?", "[what|which] [command|line|words] [would|do|must] I [need|enter|write|use] for [it|that|this]?",
       "[how|in what way] [can|could|would|do] [I|one] [achieve|perform|accomplish|manage|realize] [it|that|this]?", "[walk|guide|lead] me through[ it| that|]", "[tell|show|teach] me [the steps|the way|the command|what to type|what to do][ for it| then|]",
       "[what is|what are] the [steps|way|procedure|recipe][ for it| then| to do it|]?", "[the|and the] [steps|procedure|way to do it|exact command][?| please|]", "[I would like|I want|I wish] to [do|try|use|have] [that|it][, how|, what do I type|. how|]",
       "[how|where] do I [begin|start|go about it|go about that][ with it| with that|]?", "[put|explain|say] it [into|in] practice: what do I [type|enter|do]?")
PUZZLED = ("I don't understand", "I do not understand that", "what do you mean?", "can you say that again?", "what does that mean?", "I don't get it", "sorry, what?", "come again?",
           "can you explain that?", "in simple words?", "please explain")
SURE = ("are you sure?", "really?", "is that true?", "is that right?", "are you certain?", "sure?", "is this correct?")
OTHER = ("and {x}?", "what about {x}?", "and what is {x}?", "how about {x}?", "and {x}", "what is {x} then?", "and what about {x}?", "now {x}", "next: {x}", "then what is {x}?", "same for {x}?", "also {x}", "and [please |]explain {x}",
         "what does {x} [mean|do] then?", "ok, and {x}?", "and the same for {x}?", "tell me about {x} too", "how about {x} then?",
         "now what about {x}?", "and tell me about {x}",
         "the same question for {x}", "and how about explaining {x}?", "[the same|same thing|same question|likewise|again] [for|with|about] {x}[ please|]",
         "[go on|continue|proceed] with {x}", "[let us|let's] [take|do|look at|turn to] {x}", "[my next question|the next one|another one]: {x}",
         "[then|so|and|well,] {x}[, what is that| as well| too| please|]?", "[I also|I would also like to|I want to also] [ask about|know about|understand|know] {x}", "[besides|apart from that|in addition], {x}?",
         "[could|can|would] you [also|then|now] [explain|describe|define|cover] {x}[ too|]?", "[switch to|move on to|on to|over to] {x}")
SET = ("how do I set it?", "how do I [use|write|pass] it?", "give me an example", "an example?", "for example?", "what do I type?", "how?", "show me how", "example please",
       "how is it written?", "how do I change it?", "where do I write it?", "and in the terminal?",
       "how would I write that?", "what does that look like in a command?",
       "how exactly do I put it [into|in] the command?", "[what is|how is] the [spelling|syntax|notation|form][ of it|] on the command line?", "[how|where] [does|do] [it|this|that] [go|stand|belong|appear][ in the command| exactly|]?",
       "[the|what is the|which is the] [exact|right|correct|full] [syntax|spelling|form|notation|command|line][ for it|][?|]", "[write|spell|type] it out[ for me|][ please|]", "[how|in what form] [must|should|would|can] I [type|write|give|enter|spell|add] it[ then| exactly|]?",
       "[show|give] [me|] the [command|line|whole command|syntax] [with it|for it|]", "[what does|how does] the [command|line|call] [look|read] [with it|then|like then]?", "[put|use|place] it in a [command|line|call][ for me| please|]")
DEFAULT = ("what is a good value?", "which value [should I use|is good]?", "a good value?", "what value do you recommend?", "which value?", "what should I set it to?")
WHO_KNOWS = ("who knows it?", "who can tell me then?", "who can [help|do that]?", "then who knows?", "which model knows that?", "what can I do then?", "can a larger model do it?",
             "and now?", "who could I ask?")
HOW_TO = {
    "quantization": "quantize", "four_bit": "quantize", "eight_bit": "quantize", "streaming": "stream_python", "system_message": "system_prompt", "sampling": "more_random",
    "greedy": "less_random", "gpu": "device", "hub": "chat_model", "hub_id": "chat_model", "causerie": "start_chat", "template": "apply_template", "chat_model": "chat_model",
    "choose_model": "chat_model", "find_models": "chat_model", "families": "chat_model", "who": "start_chat", "abilities": "start_chat", "speed_up": "quantize",
    "save_memory": "quantize", "err_memory": "quantize", "builtin_path": "start_chat", "open_model": "chat_model", "why_small_bad": "chat_model", "base_model": "chat_model",
    "err_template": "chat_model", "why_quant_fast": "quantize", "transformers_lib": "migrate", "why_causerie": "start_chat", "install": "start_chat", "offline": "start_chat",
    "bf16": "dtype", "float16": "dtype", "float32": "dtype", "inference": "start_chat", "seed_word": "reproduce", "err_context": "clear", "why_vary": "reproduce",
    "why_same": "more_random", "why_cut": "longer", "cpu_gpu": "device", "eight_four": "quantize", "greedy_sampling": "set_flags", "why_long_slow": "clear",
    "backend": "info", "checkpoint": "local_folder", "context": "clear", "serve": "serve", "start_chat": "start_chat", "quantize": "quantize",
}


class Follower:
    """Draws the next question of a chat from the topics; `topics` are all facts by id."""

    def __init__(self, topics: dict[str, Topic], neighbours: Callable[[Topic, Random], Topic]) -> None:
        self.topics = topics
        self.neighbours = neighbours
        self.kinds: dict[str, Callable[[Topic, Random, bool], Turn]] = {
            "more": self.more, "shorter": self.shorter, "puzzled": self.puzzled, "sure": self.sure, "example": self.example, "why": self.why,
            "how": self.how, "other": self.other, "set": self.set, "value": self.value}

    def possible(self, topic: Topic) -> list[str]:
        """The kinds of follow-up that have an answer after this topic."""
        if topic.id.startswith("flag_"):
            return ["set", "set", "more", "shorter", "other", "other", "puzzled", "value"]
        found = ["shorter", "puzzled", "sure"] if topic.kind != "talk" else ["sure"] if topic.id in ("size", "who", "causerie") else []
        found += ["more"] if topic.kind != "talk" or topic.detail else []
        found += ["example"] * 2 if topic.example else []
        found += ["why"] * 2 if topic.why else []
        found += ["how"] * 2 if HOW_TO.get(topic.id) else []
        found += ["other"] * 2 if topic.kind == "thing" else []
        return found

    def turn(self, last: Turn, rng: Random, held: bool = False) -> Turn | None:
        """A follow-up to `last`, or None where the grammar has none."""
        if last.group == "outside" and not held:
            return after_refusal(rng)
        if last.topic is None:
            return None
        kinds = [kind for kind in self.possible(last.topic) if not held or kind in unseen.FOLLOW]
        return self.kinds[rng.choice(kinds)](last.topic, rng, held) if kinds else None

    def ask(self, kind: str, forms: tuple[str, ...], rng: Random, held: bool, name: str = "") -> str:
        form = rng.choice(unseen.FOLLOW[kind] if held and kind in unseen.FOLLOW else forms)
        return noisy(expand(form.replace("{x}", name), rng), rng)

    def more(self, topic: Topic, rng: Random, held: bool) -> Turn:
        answer = topic.detail or "That is all I know about it."
        return Turn(self.ask("more", MORE, rng, held), answer, group="follow", fixed=True)

    def shorter(self, topic: Topic, rng: Random, held: bool) -> Turn:
        return Turn(self.ask("shorter", SHORTER, rng, held), topic.short, topic=topic, group="follow", fixed=True)

    def puzzled(self, topic: Topic, rng: Random, held: bool) -> Turn:
        return Turn(noisy(rng.choice(PUZZLED), rng), f"In other words: {topic.short}", topic=topic, group="follow", fixed=True)

    def sure(self, topic: Topic, rng: Random, held: bool) -> Turn:
        answer = "I think so, but I am tiny and can be wrong; the documentation knows best."
        return Turn(noisy(rng.choice(SURE), rng), answer, group="follow", fixed=True)

    def example(self, topic: Topic, rng: Random, held: bool) -> Turn:
        return Turn(self.ask("example", EXAMPLE, rng, held), topic.example, group="follow", fixed=True)

    def why(self, topic: Topic, rng: Random, held: bool) -> Turn:
        return Turn(self.ask("why", WHY, rng, held), topic.why, group="follow", fixed=True)

    def how(self, topic: Topic, rng: Random, held: bool) -> Turn:
        target = self.topics[HOW_TO[topic.id]]
        return Turn(self.ask("how", HOW, rng, held), target.usual, target.short, target.full, target.need, target, "follow")

    def other(self, topic: Topic, rng: Random, held: bool) -> Turn:
        target = self.neighbours(topic, rng)
        user = self.ask("other", OTHER, rng, held, rng.choice(target.names))
        return Turn(user, target.usual, target.short, target.full, target.need, target, "follow")

    def set(self, topic: Topic, rng: Random, held: bool) -> Turn:
        answer = setting(topic)
        return Turn(self.ask("set", SET, rng, held), answer, need=(topic.example.lower(),), topic=topic, group="follow", fixed=True)

    def value(self, topic: Topic, rng: Random, held: bool) -> Turn:
        answer = f"Try `{topic.example}` first."
        return Turn(noisy(expand(rng.choice(DEFAULT), rng), rng), answer, need=(topic.example.lower(),), topic=topic, group="follow", fixed=True)


PYTHON_ONLY = frozenset(("flag_streamer", "flag_return_full_text", "flag_add_generation_prompt", "flag_skip_special_tokens", "flag_batch_size",
                         "flag_quantization_config", "flag_strict"))


def setting(topic: Topic) -> str:
    """How a flag is written: after the model in the terminal, or as an argument in Python."""
    if topic.id in PYTHON_ONLY:
        return f"It is an argument in Python: `{topic.example}`."
    return f"Write it after the model: `causerie chat MODEL {topic.example}`."


def after_refusal(rng: Random) -> Turn:
    if rng.random() < 0.6:
        forms = (*WHY, "why not?", "why don't you know?", "why can't you?", "but why not?")
        answer = "Because I am tiny: I was trained only on dialogues about Causerie."
        return Turn(noisy(expand(rng.choice(forms), rng), rng), answer, need=(("tiny",),), group="follow", fixed=True)
    answer = "A larger model may know: leave with `exit` and start `causerie chat MODEL`."
    return Turn(noisy(expand(rng.choice(WHO_KNOWS), rng), rng), answer, need=("causerie chat",), group="follow", fixed=True)
