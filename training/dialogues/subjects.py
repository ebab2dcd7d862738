"""Subjects outside the assistant's field, by the form in which a question can hold them. Words only."""

from __future__ import annotations


def words(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.replace("\n", " ").split(",") if part.strip())


PLACES = words("""France, Germany, Spain, Italy, Japan, China, India, Brazil, Canada, Mexico, Egypt, Kenya, Australia, Norway, Sweden, Finland, Poland,
Greece, Turkey, Peru, Chile, Argentina, Cuba, Vietnam, Thailand, Nepal, Iceland, Ireland, Scotland, Portugal, Austria, Hungary, Russia, Ukraine,
Morocco, Nigeria, Ghana, Paris, London, Berlin, Rome, Madrid, Tokyo, New York, Chicago, Boston, Moscow, Cairo, Sydney, Vienna, Prague, Dublin,
Lisbon, Oslo, Athens, Texas, California, Alaska, Hawaii, Europe, Africa, Asia, Antarctica, Mars, the moon, Switzerland, Belgium, Denmark,
the Netherlands, Romania, Bulgaria, Iran, Iraq, Israel, Korea, Indonesia, Malaysia, New Zealand, Bolivia, Colombia, Jamaica, Ethiopia, Mongolia""")
PEOPLE = words("""Napoleon, Einstein, Mozart, Beethoven, Shakespeare, Newton, Darwin, Plato, Aristotle, Cleopatra, Caesar, Gandhi, Picasso, Rembrandt,
Marie Curie, Elvis, Madonna, Messi, Ronaldo, Obama, Lincoln, Washington, Churchill, Kennedy, Mandela, Homer, Dante, Goethe, Kafka, Tolstoy,
Chopin, Bach, Vivaldi, Galileo, Kepler, Euler, Gauss, Turing, Columbus, Magellan, Marco Polo, Buddha, Moses, Socrates, Freud, Marx, Nietzsche,
Taylor Swift, Beyonce, Brad Pitt, Tom Hanks, Elon Musk, Bill Gates, Steve Jobs, the president, the pope, the king of Spain, the queen, my neighbour,
Leonardo da Vinci, Michelangelo, Van Gogh, Monet, Frida Kahlo, Joan of Arc, Robin Hood, Sherlock Holmes, Harry Potter, Santa Claus, Batman""")
THINGS = words("""photosynthesis, gravity, a black hole, the big bang, evolution, DNA, an atom, a molecule, an electron, oxygen, carbon, gold, iron, copper, water,
a volcano, an earthquake, a hurricane, the weather, climate change, a glacier, a river, the ocean, a mountain, a desert, a forest, the rainforest,
an elephant, a whale, a lion, a tiger, a penguin, a dolphin, a spider, a bee, an ant, a horse, a cow, a dog, a cat, a llama, a python, a kangaroo, an owl,
an eagle, a shark, a snake, a frog, a rose, an oak tree, a mushroom, a cactus, a tomato, an onion, garlic, rice, bread, cheese, chocolate, coffee, tea, wine, beer,
football, tennis, chess, golf, swimming, boxing, the Olympics, the world cup, a marathon, yoga, ballet, opera, jazz, rock music, a symphony, a violin, a piano,
a guitar, a novel, a poem, a painting, a sculpture, the Mona Lisa, a cathedral, a castle, a pyramid, the Eiffel tower, the great wall, a bridge, a train, a car, an engine oil,
a bicycle, an airplane, a rocket, a satellite, a telescope, a microscope, a submarine, democracy, communism, capitalism, inflation, a mortgage, the stock market, bitcoin, taxes,
a pension, insurance, a contract, a patent, a lawsuit, the constitution, a parliament, the United Nations, a war, the second world war, the French revolution, the Roman empire,
the middle ages, the renaissance, the cold war, slavery, feudalism, Buddhism, Christianity, Islam, philosophy, existentialism, psychology, depression, anxiety, love, friendship,
happiness, the meaning of life, death, a dream, sleep, cancer, diabetes, a fever, a headache, the flu, a vaccine, a virus, an antibiotic, aspirin, vitamin C, protein, a calorie,
the heart, the liver, a kidney, the brain, blood, a muscle, a bone, the skin, algebra, geometry, calculus, a triangle, pi, infinity, a prime number, statistics, probability theory,
a verb, a noun, grammar, Latin, Esperanto, an alphabet, a metaphor, a wedding, a birthday, Christmas, Easter, a holiday, a passport, a hotel, a restaurant, pizza, sushi, pasta,
a pancake, soup, a salad, salt, sugar, honey, an egg, a diamond, a crystal, glass, plastic, paper, cotton, silk, a computer mouse, a printer, a telephone, a television, the internet,
a website, Facebook, Instagram, YouTube, Netflix, Windows, Excel, Photoshop, Java, JavaScript, HTML, SQL, Kubernetes, Docker, blockchain, a spreadsheet, an email, a password, a firewall,
nuclear power, solar energy, a battery, electricity, magnetism, light, sound, radio, a laser, quantum physics, relativity, thermodynamics, entropy, chemistry, biology, economics,
a dinosaur, a fossil, an island, a lighthouse, a pirate ship, a ghost, a vampire, a unicorn, a dragon, magic, astrology, a horoscope, tarot, a lottery, poker, a bank, money,
knitting, gardening, fishing, hiking, skiing, surfing, a tent, a sofa, a lamp, a hammer, a screw, cement, a haircut, perfume, fashion, a hat, shoes, a ring, a clock, a calendar""")
COMPOUNDS = words("""the solar system, the nervous system, the digestive system, the legal system, a school system, a sewing machine, a coffee machine, a washing machine, a time machine, a fashion model,
a model railway, a model airplane, a supermodel, a car engine, a jet engine, a fire engine, a shop window, a church window, a window frame, a water pipeline, a gas pipeline, a gift token, a bus token, a talk show,
a flag pole, a national flag, a pirate flag, a white flag, seed oil, a sunflower seed, an apple seed, memory foam, a memory of childhood, draft beer, a draft horse, the military draft, a wine expert, an art expert,
a key chain, a piano key, a house key, a bit of cheese, a horse bit, weight lifting, body weight, a paper weight, top soil, a top hat, a mountain top, body temperature, the temperature of the sea, room temperature,
a blood sample, a free sample, a rock sample, a greedy king, attention seeking, the historical context, prompt payment, base camp, a military base, baseball, a wheel hub, an airport hub, a mountain stream, the jet stream,
a chain of command, an army command, a spelling error, human error, a tennis serve, a wine server, a python snake, a snake bite, llama wool, a llama farm, the mistral wind, a power transformer, the Transformers film,
a rope ladder, a rope bridge, a batch of cookies, a role in a play, a theatre role, a bank check, a check mark, a hotel register, a cash register, a food chain, a family name, a street name, a pet name, a dress size,
a shoe size, a portion size, the speed of a car, a speed limit, a city limit, a train of thought, personal training, a question of honour, an answer key, a love letter, a letter box, a text of law, a cooking class,
a first class ticket, a running shoe, a running horse, an open door, an open wound, a closed shop, a hard shell, a sea shell, a turtle shell, a port city, port wine, a bus driver, a screw driver, a golf driver,
a mouse trap, a computer store, an apple tree, a cookie jar, a spider web, a fishing net, a hair net, a bar of soap, a chat with grandma, a chatty neighbour, a safe place, a safe in a bank, a tensor muscle, a float in a parade""")
DEEDS = words("""start, stop, open, load, run, change, switch, clear, quit, leave, install, set, train, serve, stream, save, choose, find, make, get, use, test, build, clone, download, list, see, write, read, exit, end, reset,
shorten, speed up, quantize, cache, sample, prompt, format, select, log in to, cut, fit, hold, compare, repeat, call, launch, pass, apply, batch, download, limit, check, measure, share, fix, close, feed, wash, paint, sell, buy, draw, cook""")
QUALITIES = words("""temperature, size, speed, memory, name, weight, version, language, price, seed, model, context, limit, length, format, role, example, message, system, server, engine, template, window, age, color, taste, smell,
shape, history, purpose, origin, meaning, sound, height, depth, number, power, value, cost, home, owner, family, type, parameters, layers, head, token, key, function, structure, life, death, future, bandwidth, flag, file, shell""")
ACTS = words("""cook rice, bake bread, make a cake, boil an egg, fry fish, make coffee, brew beer, roast a chicken, cook pasta, make soup, peel garlic,
fix a bicycle, change a tire, drive a car, repair a car, park a truck, fly a plane, sail a boat, ride a horse, build a house, paint a wall, lay bricks, fix a sink, clean a carpet,
wash a sweater, iron a shirt, sew a button, knit a scarf, plant a tree, grow tomatoes, mow the lawn, water the flowers, catch a fish, train a dog, feed a cat, raise chickens,
lose weight, gain muscle, run a marathon, learn to swim, play the piano, play chess, sing better, learn French, learn German, write a novel, write a letter, write an essay, write a poem,
write a song, draw a horse, take photos, get a job, ask for a raise, write a CV, quit my job, start a company, found a club, buy a house, sell my car, invest money, pay taxes, get a loan,
save money, get a visa, renew my passport, book a flight, travel to Japan, find a hotel, pack a suitcase, get married, find a girlfriend, make friends, raise a child, calm a baby, plan a party,
sleep better, stop smoking, treat a cold, cure a cough, heal a wound, lower a fever, stop hiccups, reduce stress, meditate, quit drinking, remove a stain, open a jar, sharpen a knife,
light a fire, pitch a tent, tie a tie, tie a knot, shave, cut hair, dye hair, write Java code, make a website, sort a list in Java, program a game, install Linux, reset my phone,
recover a password, print a document, edit a video, use Excel, make a spreadsheet, unlock my phone, connect my printer, set up wifi, hack a website, pick a lock, solve an equation,
prove a theorem, win the lottery, become famous, become a doctor, study law, pass an exam, memorize a poem, read faster, speak in public, start a car, start a fire, serve dinner,
clear the snow, clear my throat, switch the light on, change a lamp, exit the highway, leave my husband, end a war, stop the rain, run faster, load a truck, install a dishwasher,
use a hammer, use a microwave, talk to my boss, talk to a girl, begin a diary, train for a race, save the planet, fit in a suitcase, set the table, set an alarm, find my keys, find a doctor""")
CLAUSES = words("""the sky is blue, the sea is salty, the grass is green, birds fly, cats purr, dogs bark, people dream, we sleep, it rains, it snows, ice floats, the sun is hot,
leaves fall in autumn, the moon shines, stars twinkle, planes fly, ships float, bread rises, onions make me cry, coffee keeps me awake, hair turns grey, people get old, people lie,
children cry, wars happen, prices rise, the Roman empire fell, dinosaurs died out, the earth is round, the earth turns, tides happen, volcanoes erupt, iron rusts, milk turns sour,
music makes us happy, my knee hurts, my head aches, my plant is dying, my car makes noise, my cat is fat, my neighbour is loud, he left me, she is angry, the train is late,
bees make honey, salt melts ice, fire is hot, mirrors reflect, gold is expensive, taxes are high, cheese smells, feet smell, we yawn, we laugh, water boils, apples turn brown""")
PAIRS = words("""cats and dogs, a crocodile and an alligator, butter and margarine, coffee and tea, a violin and a viola, a novel and a story, England and Britain, weather and climate,
a virus and a bacterium, jam and jelly, a frog and a toad, football and rugby, a lawyer and a judge, a moth and a butterfly, Java and JavaScript, Mac and Windows, a lake and a sea,
socialism and communism, red and white wine, a cold and the flu, a rabbit and a hare, mass and weight, speed and velocity, an alpaca and a llama, latitude and longitude, rice and wheat,
a donkey and a mule, a college and a university, psychology and psychiatry, an acid and a base, stalactites and stalagmites, espresso and latte, Spanish and Portuguese, silk and satin""")
TASKS = words("""write a poem about {t}, write a [haiku|song|story|short story|limerick] about {t}, write an essay about {t}, write an email to my boss, write a letter to my [mother|landlord|friend],
write a [Python|Java|C++|JavaScript|Rust] [program|function|script] that [sorts a list|reverses a string|prints primes|reads a file|draws a circle|counts words|sends an email],
translate [hello|good morning|I love you|the house is big|where is the station|thank you] [to|into] [French|German|Spanish|Japanese|Latin|Russian], summarize {t},
summarize this [article|book|text|letter], give me a recipe for {t}, give me a recipe with {t}, plan a trip to {c}, plan my day, plan a [party|wedding|week of meals],
make a list of [ten animals|five fruits|famous painters|rivers|good films|countries|flowers], invent a [story|name for my dog|slogan|riddle|fairy tale], draw {t}, paint {t}, sing a song,
play [chess|a game|music] with me, correct this sentence, check my grammar, rewrite this text, write a [tweet|speech|business plan|cover letter|resume|blog post|review],
give me a quiz about {t}, tell me a [story|fairy tale|riddle|bedtime story|secret|poem], book a [flight|table|hotel] [to {c}|in {c}|for me], order a pizza, call my mother, send an email,
set an alarm for seven, turn on the light, open the window, search the web for {t}, google {t}, find me a [job|flat|hotel in {c}|restaurant], show me a picture of {t}, help me with my homework,
do my homework, fix my code, debug this function, generate an image of {t}, recommend a [book|film|song|restaurant|hotel|wine|game|movie|series], suggest a [name|gift|present|hobby] for [my mother|my son|a friend],
what should I [cook|eat|wear|read|watch|buy] [today|tonight|tomorrow], act as a [doctor|lawyer|poet|teacher|king], pretend to be {n}, close the [door|curtain|shop], shut the [gate|garage], lock the house, play the part of a [pirate|nurse|judge|spy], be a [poet|clown|priest|butler] for me,
imagine you are a [cat|tree|bird|soldier], behave like a [child|dog|grandmother], turn off the [radio|oven|heating], wash the dishes, bring me a [beer|sandwich|glass of water], clean my room,
teach me [Spanish|to dance|to swim|guitar|manners|algebra], entertain me, write SQL to [join two tables|select all rows], count to one hundred""")
FACTS = words("""what is the capital of {c}, what is the capital city of {c}, the capital of {c}, where is {c}, how many people live in {c}, what is the population of {c}, how big is {c},
what language [do they|is] [speak in|spoken in] {c}, what is the [weather|temperature] in {c}, will it rain in {c} tomorrow, what is the currency of {c}, who is the [president|king|mayor|prime minister] of {c},
how far is {c}, how do I get to {c}, what can I [do|see|eat] in {c}, when was {c} founded, who discovered {c}, which river flows through {c}, what time is it in {c}, is {c} [beautiful|dangerous|expensive|far],
who was {n}, who is {n}, when was {n} born, when did {n} die, where was {n} born, what did {n} [do|write|discover|say], how old is {n}, is {n} still alive, how tall is {n}, who is {n} married to,
tell me about {n}, do you know {n}, what do you think of {n}, who invented {t}, who discovered {t}, what color is {t}, how old is {t}, how heavy is {t}, how much does {t} cost, how much is {t}, how big is {t},
where can I buy {t}, what is {t} made of, how is {t} made, where does {t} come from, what does {t} eat, how long does {t} live, is {t} [dangerous|healthy|expensive|good|bad|safe|real|useful], how does {t} work,
when was {t} invented, what is the history of {t}, do you like {t}, do you [enjoy|love|hate|want|eat|own|know much about] {t}, should I [go|stay|sleep|leave him|apply|call her|stop|retire|try it] [or not|], can I trust {n}, how do I get [rich|thin|strong|lucky|a visa|a dog|a raise], what is a [lazy|brave|clever|rich|jealous|noble] [person|man|king|dog],
who was the first [man|king|president|doctor|teacher] [on the moon|of France|in history|at sea|in {c}|], is it [ok|wrong|rude|allowed] to [lie|smoke here|wear a hat|eat with my hands], what do you think about {t}, how many kinds of {t} are there, can I eat {t}, is {t} bad for me, what happens in {t}, do you know anything about {t},
who won the [world cup|election|game|race|Nobel prize|Oscar|super bowl] [in 1998|last year|yesterday|in 2010|this year|], what is the [tallest|largest|oldest|longest|smallest|fastest|deadliest] [mountain|river|city|animal|country|building|lake|bird|fish|tree|planet] [in the world|on earth|in {c}|],
how many [planets|continents|oceans|bones|teeth|countries|states|languages|stars|days in a leap year|legs has a spider] are there, what is the speed of [light|sound|a cheetah|the earth],
what is the [news|latest news|weather|news today], what happened [in 1789|in 1914|yesterday|today|in 1969|last week], when did [the war end|the wall fall|men land on the moon|the titanic sink], when is [Easter|Christmas|Ramadan|the next holiday|mother's day],
what is the price of [bitcoin|gold|oil|bread|a ticket], which [stock|car|phone|laptop|camera|insurance|bike] should I buy, should I [buy|sell|marry|quit|move|invest|study|wait|call him], what is the best [car|phone|film|book|city|song|food|team|wine|country|band|game],
who wrote [Hamlet|Faust|the Odyssey|Don Quixote|the Bible|Dracula|1984|Moby Dick], who painted [Guernica|the Mona Lisa|sunflowers], who composed [the ninth symphony|the magic flute|Carmen], what is the plot of [Hamlet|Titanic|Star Wars|Macbeth],
what is the chemical formula of [water|salt|sugar|glucose], what is the boiling point of [water|iron|alcohol], how many calories has {t}, I have [a headache|a fever|a cough|back pain|a rash|a cold|pain in my chest], what can I take against [a headache|a cold|pain|allergy|fever],
is it legal to [drive without a belt|fish here|copy a film|smoke in a park], can I sue my [boss|neighbour|landlord], what does [carpe diem|schadenfreude|serendipity|ubiquitous|deja vu] mean, how do you say [hello|thank you|goodbye|cheers|dog] in [French|German|Spanish|Japanese|Chinese],
how do you spell [rhythm|necessary|chrysanthemum], what rhymes with [orange|love|time|night], what is your favourite [color|food|film|book|song|animal|city], do you believe in [god|ghosts|aliens|love|fate], is there life on [mars|other planets|venus], is there a god""")
