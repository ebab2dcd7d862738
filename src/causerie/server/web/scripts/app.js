// Begins all that the page is made of, in the order in which it needs each other.

import * as answering from "/page/scripts/turns/answering.js";
import * as away from "/page/scripts/notices/away.js";
import * as chats from "/page/scripts/chats/chats.js";
import * as compare from "/page/scripts/compare/compare.js";
import * as composer from "/page/scripts/composer/composer.js";
import * as drawer from "/page/scripts/chats/drawer.js";
import * as full from "/page/scripts/notices/full.js";
import * as kept from "/page/scripts/chats/kept.js";
import * as keys from "/page/scripts/keys.js";
import * as language from "/page/scripts/language.js";
import * as list from "/page/scripts/chats/list.js";
import * as log from "/page/scripts/turns/log.js";
import * as pairing from "/page/scripts/compare/pairing.js";
import * as panel from "/page/scripts/settings/panel.js";
import * as picker from "/page/scripts/models/picker.js";
import * as probabilities from "/page/scripts/probabilities/probabilities.js";
import * as served from "/page/scripts/models/served.js";
import * as tray from "/page/scripts/tools/tray.js";
import * as using from "/page/scripts/tools/using.js";
import * as theme from "/page/scripts/theme.js";
import * as times from "/page/scripts/times/times.js";

language.begin();
theme.begin();
keys.begin();
for (const part of [drawer, list, picker, pairing, panel, log, compare, answering, composer, full, away, times, probabilities, tray, using]) part.begin();
await served.begin();
await chats.begin();
kept.begin();
probabilities.sweep();
document.body.dataset.ready = "true";
