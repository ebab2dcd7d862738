"""Questions outside the assistant's field, to which it says politely that it does not know.

The forms are those of the field's own questions too, so that the subject decides. Besides named subjects there are
invented words, which stand for all that nobody thought of. One named subject in eight is held out.
"""

from __future__ import annotations

from random import Random

from training.dialogues import subjects, unseen
from training.dialogues.forms import TRAINED, composed
from training.dialogues.phrasing import bucket, expand, invented, noisy
from training.dialogues.topic import Need, Turn

KNOW = "Sorry, I do not know that: I am tiny and know only Causerie."
DO = "Sorry, I cannot do that: I am tiny and know only Causerie. Try a larger model with `causerie chat MODEL`."
REFUSED: Need = (("do not know", "cannot do that", "know only causerie"),)
BRIEF = {KNOW: "I do not know that.", DO: "I cannot do that."}
KINDS = (("thing", subjects.THINGS, 5), ("act", subjects.ACTS, 5), ("why", subjects.CLAUSES, 2), ("versus", subjects.PAIRS, 1.5))
DISGUISED = tuple(part.strip() for part in ["\nwhat does a llama eat?", " how heavy is a llama?", " how long does a python live?", " what is the temperature in Rome?", " what is the temperature outside?", " a token of love", " I lost my token for the bus\n", " how good is the memory of an elephant?", " how do I improve my memory?", " my memory gets worse with age", " how do I serve wine?", " how do I serve a tennis ball?", " who serves the king?", " what is a waiter who serves?\n", " how do I train for a marathon?", " how do I train a puppy?", " which model is on the cover of Vogue?", " how do I become a model?", " what is a role model?", " which car model is best?", " how much does a model earn?\n", " how do I clear a blocked pipe?", " how do I clear my browser?", " how do I exit the building?", " where is the exit?", " how do I quit smoking?", " how do I start a garden?", " how do I start a diesel engine?\n", " what is the top speed of a car?", " top 10 songs", " top 5 films", " what is the best prompt for painting?", " why do people chat so much?", " chat up lines", " how do I flag a taxi?", " what is the flag of Spain?\n", " what does the flag of Japan look like?", " what are the colors of the flag?", " how do I plant a seed?", " how do seeds grow?", " what is sesame seed?", " where can I buy pumpkin seeds?", " how do I cache a treasure?\n", " what is attention deficit?", " how do I get attention?", " how do I pay attention?", " what is a greedy person?", " why are people greedy?", " what is a food sample?", " blood sampling", " how do I take a water sample?\n", " how much memory does my phone have?", " how much space does my suitcase have?", " how much does a hub cap cost?", " what is a hub airport?", " who is an expert in wine?", " who are the experts in law?\n", " how do I become an expert?", " what is a mixture of flour and water?", " what is a mixture in chemistry?", " what is prefabricated housing?", " what is a Greek temple?", " what is a steam engine?", " how does a search engine work?\n", " how does an engine work?", " how do I repair an engine?", " what is a bank draft?", " how do I draft a contract?", " what is a mail server?", " how do I become a server in a restaurant?", " what is a stream of water?\n", " where does this stream flow?", " how do I stream a film?", " how do I stream music?", " what is a safe?", " how do I open a safe?", " what is a bit of luck?", " what is a drill bit?", " how many bits are in a drill set?\n", " how do I switch jobs?", " how do I switch banks?", " how do I change my name?", " how do I change the oil?", " how do I load a dishwasher?", " how do I load a gun?", " how do I run a company?", " how do I run a cafe?\n", " what is the context of this poem?", " what is a window made of?", " how do I clean a window?", " what is a pipeline for oil?", " where does the oil pipeline end?", " what is the weight of the earth?", " how do I lose weight?\n", " what are weights in a gym?", " how do I stop a nosebleed?", " how do I stop a train?", " how do I install a sink?", " how do I install solar panels?", " how do I install Windows?", " how do I install an app on my phone?\n", " what is the speed of light?", " why is light so fast?", " how do I speed up my metabolism?", " which language is spoken in Brazil?", " how many languages are there?", " how many words are there in English?\n", " what is the difference between a model and an actor?", " what is a system of equations?", " what is the solar system?", " what is the nervous system?", " how does the immune system work?", " what is a message in a bottle?\n", " send a message to my wife", " what is a chat show?", " who hosts the chat show?", " what is a text book?", " how do I quote a text?", " what is a fast food chain?", " how big is the sun?", " how big is Russia?", " how large is an atom?\n", " how much does an elephant weigh?", " how much water does a horse need?", " how much sleep do I need?", " how much money do I need?", " how many people fit in a bus?", " does a bed fit in a car?", " will it fit in my bag?\n", " who made the Eiffel tower?", " who built the pyramids?", " who created the world?", " who wrote the Bible?", " how old is the earth?", " what is the name of my dog?", " what is the name of the king?", " who are the Beatles?\n", " where is my phone?", " where is Paris?", " what can I do in London?", " what can I do tonight?", " what can I do against ants?", " tell me about your family", " tell me about the sea", " what is life?", " what is love?", " what is art?\n", " who is the best singer?", " is the earth flat?", " are cats smart?", " are dogs better than cats?", " are you married?", " do you have a dog?", " do you like pizza?", " do you have children?", " do you play football?", " can you dance?\n", " can you cook?", " can you drive?", " can you swim?", " can you see?", " can you draw?", " can you sing?", " can you write code?", " can you translate?", " can you write a poem?", " can you browse the web?", " can you play chess?\n", "what is the model of your car?", "who is the model on this poster?", "how tall must a model be?", "what do models eat?", "my model airplane broke", "what is the price of a used server?", "who served in the army?", "how do I serve soup?", "is dinner served?", "how do I serve in volleyball?", "what time does the bar serve food?", "how do I reset my router?", "how do I reset my oven?", "how do I clear my mind?", "how do I clear a driveway?", "clear my schedule", "how do I clear my name?", "how do I leave a party?", "how do I leave the army?", "when do I leave for work?", "how do I exit a roundabout?", "where do I quit my gym?", "I quit my job", "should I quit school?", "how do I start a business?", "how do I start a lawn mower?", "when does school start?", "what started the war?", "how do I stop the bleeding?", "how do I stop a car alarm?", "does the bus stop here?", "what is a full stop in grammar?", "how do I stream a match?", "is the stream safe to drink from?", "how long is this river?", "how do I save water?", "how do I save a document in Word?", "save the whales", "who saved the king?", "how do I load a camera?", "how do I load a truck?", "how do I open a bank account?", "how do I open a wine bottle?", "how do I open a coconut?", "who opened the door?", "how do I run in the rain?", "who runs the country?", "my nose runs", "how do I run for president?", "how do I install a fence?", "how do I install curtains?", "how do I install a tap?", "how do I install a printer?", "how do I train my memory?", "which train goes to Rome?", "when is the next train?", "how do I train as a nurse?", "what is the temperature of the sun?", "at what temperature does lead melt?", "what is a normal temperature for a baby?", "is the temperature rising?", "how do I take my temperature?", "what is the top of the mountain called?", "who is on top of the charts?", "top ten beaches", "my top is dirty", "top secret files of the army", "what is the penalty for theft?", "who took the penalty?", "what is the death penalty?", "how do I take a penalty kick?", "what is the penalty for speeding?", "how do I repeat a year at school?", "who repeats himself?", "history repeats itself", "how long is a football field?", "how long is a piece of string?", "how long is a whale?", "what is the length of a marathon?", "what is the length of the Nile?", "how do I measure the length of my foot?", "what is the size of my shoe?", "how big is a whale?", "how big is a hectare?", "how large is Texas?", "how many bits of cheese are left?", "what is a two bit actor?", "eight bit music from the eighties", "how many bytes of food?", "what is a float in fishing?", "how does a boat float?", "can ice float?", "how do I float on my back?", "what is a tensor bandage?", "who invented the vector?", "what is a mosquito a vector of?", "what is a layer hen?", "how many layers has a cake?", "how many layers does the earth have?", "what is the ozone layer?", "what layers should I wear in winter?", "how many heads has a hydra?", "my head hurts", "who is the head of the church?", "what is the key to success?", "where are my car keys?", "which key is this song in?", "what is the key signature of D?", "who keeps the keys?", "what is the value of my house?", "what is the value of a ruby?", "what values matter in life?", "family values", "what does attention mean in yoga?", "my son wants attention", "how do I get a girl's attention?", "what is the context of this painting?", "what is the context of the war?", "what is a window shopper?", "my window is broken", "who broke the window?", "how do I open the window?", "what is a Windows key on a keyboard?", "how do I template a tattoo?", "what is a resume template?", "what is a good prompt for my essay?", "who prompts the actors?", "what is a writing prompt?", "who is the best chat show host?", "chat with me about football", "let us chat about love", "how do I chat up a girl?", "what is a chatterbox?", "who is in the chat about gardening?", "how do I message my ex?", "what is a secret message?", "which system of government is best?", "what is the metric system?", "what is the decimal system?", "how does the school system work in France?", "what is the system of a cell?", "who is the user of a spoon?", "what is a drug user?", "what is an assistant at a dentist?", "what does a flight attendant do?", "what is a shop assistant?", "what role does the king play?", "who plays the main role?", "what is the role of women in Rome?", "what is the role of the liver?", "who is the speaker of the house?", "what language do bees speak?", "which language should I learn for a trip?", "what is body language?", "what is sign language?", "how many speak Welsh?", "what is the python at the zoo called?", "is a python poisonous?", "how do I catch a python?", "are pythons good pets?", "where do llamas live?", "can I ride a llama?", "do llamas spit?", "how much is a llama?", "what is a mistral in France?", "when does the mistral blow?", "who are the Transformers in the film?", "what is a transformer on a pole?", "how does a power transformer work?", "is the transformer movie good?", "what is a diffusion of perfume?", "what is a recurrent nightmare?", "what is deep love?", "what is deep sea fishing?", "how deep is the ocean?", "what is learning disability?", "how do children learn?", "what is intelligence in animals?", "are dolphins intelligent?", "what is the intelligence service?", "who invented artificial flowers?", "are artificial sweeteners bad?", "what is a general in the army?", "who is the general?", "what is a bank?", "how do I quantify love?", "what is a quantum of solace?", "how precise is a sundial?", "how many digits has pi?", "what is the weight of gold?", "how heavy is a piano?", "how much do I weigh?", "what is a weightlifter?", "who compressed the file of the lawyer?", "how do I compress a wound?", "what is a cold compress?", "what is a hot cache of gold?", "where is the treasure?", "how do I hash potatoes?", "what is corned beef hash?", "what is a red flag in a relationship?", "which flags have stars?", "what is the flag of Brazil?", "who sewed the flag?", "how do I fold a flag?", "command my dog to sit", "who commands the navy?", "what is the ten commandments?", "how do I draft a will?", "who was first in the draft?", "is there a draft in here?", "what is the beam of a ship?", "how do I hang a beam?", "what is a batch of beer?", "how do I bake a batch of muffins?", "what is a thread count?", "how do I thread a needle?", "what is a dining table fork?", "what is a branch of government?", "how do I prune a branch?", "what is a tree house?", "what is the root of a tooth?", "how do I kill a root?", "what is a node in botany?", "where do I buy a hub for my bike?", "what is the face of the clock?", "who is hugging my wife?", "whose face is on the coin?", "how do I hug a friend?", "how do I wash my face?", "what is a safe distance?", "is it safe to eat raw eggs?", "how safe is flying?", "who guards the safe?", "how fast is a cheetah?", "how fast can I run?", "how do I fast for a day?", "why is my car slow?", "how slow is a snail?", "how do I slow down ageing?", "why does my toast burn?", "why does my back crack?", "why is the answer always no in love?", "what is the answer to life?", "what is the question in Hamlet?", "I have a question about my cat", "question of faith"] if part.strip())


def held_out(subject: str) -> bool:
    return bucket("outside", subject, of=8) == 0


def pick(choices: tuple[str, ...], rng: Random, held: bool) -> str:
    for _ in range(500):
        choice = rng.choice(choices)
        if held_out(choice) == held:
            return choice
    return choices[0]


def thing(rng: Random, held: bool) -> str:
    """A subject with its article: a named one, or an invented word."""
    if rng.random() < 0.15:
        return pick(subjects.COMPOUNDS, rng, held)
    if rng.random() < 0.22 and not held:
        return rng.choice(("", "", "a ", "the ")) + invented(rng) + rng.choice(("", "", "", " " + invented(rng)))
    return pick(subjects.THINGS, rng, held)


def person(rng: Random, held: bool) -> str:
    if rng.random() < 0.3 and not held:
        return invented(rng).title() + rng.choice(("", " " + invented(rng).title()))
    return pick(subjects.PEOPLE, rng, held)


def place(rng: Random, held: bool) -> str:
    return invented(rng).title() if rng.random() < 0.2 and not held else pick(subjects.PLACES, rng, held)


def fill(form: str, rng: Random, held: bool) -> str:
    """Expand a form whose holes are {t} a thing, {c} a place, {n} a person."""
    form = expand(form, rng)
    for hole, draw in (("{t}", thing), ("{c}", place), ("{n}", person)):
        if hole in form:
            form = form.replace(hole, draw(rng, held))
    return form


def shared_form(rng: Random, held: bool) -> str:
    """A question in a form of the field, about a subject that is not of the field."""
    kind, choices, _ = rng.choices(KINDS, [weight for *_, weight in KINDS])[0]
    forms = unseen.FORMS[kind] if held and rng.random() < 0.5 else (*TRAINED[kind], *composed(kind))
    if kind == "thing":
        chosen = person(rng, held) if rng.random() < 0.15 else thing(rng, held)
        if rng.random() < 0.12:
            chosen = f"the {pick(subjects.QUALITIES, rng, held)} of {chosen}"
    elif kind == "act" and rng.random() < 0.3:
        chosen = f"{pick(subjects.DEEDS, rng, held)} {thing(rng, held)}"
    else:
        chosen = pick(choices, rng, held)
        if kind == "act" and rng.random() < 0.3 and not held:
            chosen = chosen.split()[0] + rng.choice((" a ", " the ", " my ", " ")) + invented(rng)
    return expand(rng.choice(forms), rng).replace("{x}", chosen).replace(" with causerie", "").replace("causerie ", "you ")


def turn(rng: Random, held: bool = False) -> Turn:
    """A question outside the field and the polite refusal."""
    kind = rng.random()
    answer = KNOW
    if kind < 0.42:
        user = shared_form(rng, held)
    elif kind < 0.68:
        user = fill(pick(subjects.FACTS, rng, held and rng.random() < 0.5), rng, held) + "?"
    elif kind < 0.88:
        user, answer = fill(pick(subjects.TASKS, rng, held and rng.random() < 0.5), rng, held), DO
        polite = rng.choice(("", "", "", "please ", "can you ", "could you ", "I want you to "))
        user = polite + user if not user.startswith("what") else user + "?"
    else:
        user = pick(DISGUISED, rng, held)
    return Turn(noisy(user, rng), answer, BRIEF[answer], answer, REFUSED, None, "outside")
