// Where what is written goes, said truly: not out of this machine, or to another one and no further. Knows no element.

import { phrases } from "/page/scripts/words.js";

const LOOPBACK = /^(localhost|.+\.localhost|127(\.\d+){3}|\[::1\])$/;  // as browsers write a host in an address

export const whereChatsGo = (host) => (LOOPBACK.test(host) ? phrases.nothingLeaves : phrases.chatsGoTo(host));
