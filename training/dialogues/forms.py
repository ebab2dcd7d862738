"""Question forms by kind of topic: {x} is the topic's name. All are trained on; `held.py` has those that are not."""

from __future__ import annotations

WONDER = ("[can|could|would|will] you [please|kindly|maybe|] [tell|explain to|show] me", "[I'd like|I would like|I'd love|I want|I need] to [know|learn|understand|find out]",
          "do you [happen to|maybe|] know", "[please|] [tell|show|explain to] me", "I [was wondering|am wondering|am asking myself|have to know|must know|am not sure|wonder]",
          "my [friend|boss|teacher|colleague|brother|sister] [asks|wants to know|asked me]", "[are you able to|can you] [say|explain]", "[it is not clear to me|I never understood|I forgot|I cannot find out]",
          "what I [want|need] to know is", "[maybe|perhaps] you can tell me", "[quickly|in short|briefly], tell me", "let me know", "I am looking for")
# Every beginning goes with every clause: one question out of some hundreds for each kind.
COMPOSED: dict[str, tuple[str, ...]] = {
    "act": ("how to {x}", "how I [can|could|should|would|may] {x}", "how [one|somebody|people] can {x}", "what to type to {x}", "the [way|command|right way] to {x}", "how you {x}",
            "whether I can {x}", "which command is there to {x}", "what I need to {x}", "how it works to {x}", "what to do [to|in order to] {x}"),
    "thing": ("what {x} is", "what {x} means", "what {x} really is", "[something|more|a bit|a little] about {x}", "how {x} works", "what is {x}", "the meaning of {x}", "what {x} is good for",
              "what people call {x}", "what the word for {x} means"),
    "flag": ("what {x} does", "what {x} is", "what {x} means", "how {x} works", "when to use {x}", "what the [flag|option|parameter] {x} does", "[something|more] about {x}", "what {x} is for"),
    "error": ("what {x} means", "why it says {x}", "what to do when it says {x}", "how to [solve|repair|fix] {x}", "why I get {x}"),
    "why": ("why {x}", "the reason why {x}", "why it is that {x}"),
    "versus": ("the difference between {x}", "how {x} differ", "what the difference between {x} is", "which is better, {x}"),
}
WEIGHT = {"act": 12, "thing": 14, "flag": 9, "error": 6, "why": 6, "versus": 5}


def composed(kind: str) -> tuple[str, ...]:
    """The composed forms of a kind as one grammar, given several times, so that it has its weight among the forms."""
    if kind not in COMPOSED:
        return ()
    return (f"[{'|'.join(WONDER)}] [{'|'.join(COMPOSED[kind])}]",) * WEIGHT[kind]


TRAINED: dict[str, tuple[str, ...]] = {
    "act": (
        "how do I {x}?", "how do I {x}?", "how can I {x}?", "how to {x}", "how would I {x}?", "how does one {x}?", "how do you {x}?",
        "what is the command to {x}?", "[I want to|I'd like to|I would like to|I need to|I wish to] {x}",
        "[can|could] you [tell|show|teach] me how to {x}?", "show me how to {x}", "what do I type to {x}?",
        "[please|] explain how to {x}", "what should I do to {x}?", "is there a [way|command] to {x}?", "help me {x}",
        "tell me how to {x}", "can I {x}?", "is it possible to {x}?", "how could I {x}?", "what's the [best|right|easiest|] way to {x}?",
        "I am trying to {x}", "give me the command to {x}", "where do I {x}?", "what do I need to {x}?", "{x}",
        "[do you know|I wonder] how to {x}", "how am I supposed to {x}?", "what do I have to do to {x}?",
        "I want to {x}, what do I do?", "{x} [command|how|help|please|in causerie]", "[what|which] command for this: {x}", "[must|should] I do something special to {x}?",
        "[I cannot|I can not] {x}", "I [failed|fail|did not manage] to {x}", "what if I want to {x}?", "suppose I want to {x}", "how easy is it to {x}?", "the command to {x}?",
        "[does causerie|do you] let me {x}?", "[my goal|my plan|the plan] is to {x}", "I want to {x} but I do not know how", "what command [can|should|do] I use to {x}?",
        "can causerie {x}?", "how do I {x} with causerie?", "let me {x}", "how can a [beginner|newcomer|person|user] {x}?",
        "what are the steps to {x}?", "any idea how to {x}?", "which command lets me {x}?",
        "how might I {x}?", "I do not know how to {x}", "what must I do if I want to {x}?",
        "remind me how to {x}",
    ),
    "thing": (
        "what is {x}?", "what is {x}?", "what is {x}?", "what's {x}?", "what are {x}?", "what does {x} mean?", "[please|] explain {x}",
        "[please|] tell me about {x}", "define {x}", "[can|could] you explain {x}?", "what do you mean by {x}?", "describe {x}",
        "I [don't|do not] understand {x}", "what exactly is {x}?", "[the|] meaning of {x}", "{x}?", "{x}",
        "[can|could] you tell me what {x} is?", "do you know what {x} is?", "help me understand {x}", "explain {x} to me",
        "I want to [know|learn] about {x}", "how would you explain {x}?", "what do people mean by {x}?", "what is {x} [for|good for]?",
        "how does {x} work?", "what do you know about {x}?", "what can you tell me about {x}?", "why do we need {x}?",
        "explain {x} in simple [words|terms]", "explain {x} like I am five", "I have a question about {x}", "so what is {x}?",
        "tell me what {x} is", "have you heard of {x}?", "[an|a short|a simple] explanation of {x}", "who or what is {x}?",
        "teach me about {x}", "{x} [meaning|explained|definition|explanation|please|in short|in simple words]", "{x}, what is [it|that]?", "about {x}", "{x} is what?",
        "is {x} important?", "[somebody|someone|a friend] talked about {x}, what is [it|that]?", "I [read|saw|heard] the word: {x}", "what role has {x}?", "who needs {x}?", "what use has {x}?",
        "everybody talks about {x}", "why does {x} matter?", "[new|next] topic: {x}", "what is the point of {x}?", "what is {x} in [one sentence|a language model|causerie]?",
        "give me an idea of {x}", "what should I know about {x}?", "in plain words, what is {x}?",
        "I keep reading about {x}, what is it?", "what is meant by {x}?", "is there a simple explanation of {x}?",
        "could you describe {x} for me?",
    ),
    "error": (
        "what does the error {x} mean?", "I [get|got|have|see] {x}", "I [get|got|have] the error: {x}", "it says {x}",
        "why do I [see|get] {x}?", "how do I fix {x}?", "error: {x}", "{x}", "help, {x}", "what [should|can] I do about {x}?",
        "causerie [says|told me|prints|complains] {x}", "what to do when it says {x}?", "I have an error: {x}", "what does {x} mean?",
        "the [program|chat|command] says {x}", "it [stopped|ended|crashed|fails] with {x}", "why does it say {x}?",
        "what is this: {x}", "explain the message {x}", "explain the error {x}", "how do I solve {x}?",
        "I tried to load a model and got {x}", "there is a problem: {x}", "loading [fails|stops]: {x}",
        "how do I read the error {x}?", "what does it mean when causerie says {x}?", "I do not understand the error {x}", "{x}, what [now|next]?", "{x} - what does [it|that] mean?", "[all I see is|I always get|I keep getting|suddenly I get] {x}", "when I start it: {x}",
        "what happened? {x}", "[it|the program] tells me {x}", "[it|causerie] complains: {x}",
        "my terminal shows {x}, what now?", "how can I get rid of the message {x}?", "it failed with {x}",
        "what is wrong when I read {x}?", "after a while I got {x}",
    ),
    "flag": (
        "what does {x} do?", "what does {x} do?", "what is {x}?", "explain {x}", "what is the {x} [flag|option|setting] for?",
        "what does {x} control?", "tell me about {x}", "when should I use {x}?", "what's {x}?", "how does {x} work?",
        "what happens if I set {x}?", "meaning of {x}", "describe [the option|] {x}", "what is the effect of {x}?", "{x}?", "{x}",
        "do I need {x}?", "why would I [set|use|change] {x}?", "[can|could] you explain {x}?", "what does the flag {x} do?",
        "what does the {x} [flag|option|setting|parameter] [do|mean]?", "how do I use {x}?", "what does {x} mean?",
        "I do not understand {x}", "help me with {x}", "what is the meaning of {x}?", "what is {x} good for?",
        "the {x} [flag|option]", "should I [set|change] {x}?", "please explain what {x} does", "{x} [meaning|explained|definition|explanation|please|in short]", "{x}, what [is|does] it?", "about {x}", "is {x} important?",
        "[somebody|someone|a friend] told me to set {x}, what [is it|does it do]?", "what happens with {x}?", "what changes with {x}?", "I want to use {x}", "what can I do with {x}?", "if I [set|use|write] {x}, what happens?",
        "what is the use of {x}?", "what will {x} change?", "I saw {x} in the help, what is it?",
        "give me the purpose of {x}", "in plain words, what does {x} do?",
    ),
    "why": (
        "why {x}?", "why {x}?", "why {x}?", "[please|] explain why {x}", "[can|could] you [explain|tell me] why {x}?", "tell me why {x}",
        "what is the reason [that|why] {x}?", "do you know why {x}?", "I [don't|do not] understand why {x}", "I wonder why {x}",
        "how come {x}?", "why is it that {x}?", "help me understand why {x}", "is it true that {x}?", "what makes it so that {x}?", "{x}, why?", "{x}. why?", "why on earth {x}?", "I see that {x}, why?", "the reason why {x}?",
        "what explains that {x}?", "for what reason {x}?", "somebody told me that {x}, why?",
        "give me the reason why {x}",
    ),
    "versus": (
        "what is the difference between {x}?", "what's the difference between {x}?", "compare {x}", "difference between {x}",
        "how do {x} differ?", "explain the difference between {x}", "[can|could] you compare {x}?", "which is better, {x}?",
        "what distinguishes {x}?", "tell me the difference between {x}", "are {x} the same?", "{x}: what is the difference?", "{x}, which one?", "{x} compared", "what is not the same in {x}?", "should I care about {x}?", "is there a difference between {x}?",
        "in what way do {x} differ?", "could you tell me how {x} are different?", "what separates {x}?",
    ),
}
