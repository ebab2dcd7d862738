// The key for this server. One that comes in the address (`#key=…`, as from the QR code of `causerie serve`) stays in this
// browser; one that was typed stays until the tab is closed, but where the page was put on a phone's home screen. Knows no element.

const NAME = "key";

// The key in the address, which it then no longer shows; null where there is none.
function taken() {
  if (!location.hash.startsWith(`#${NAME}=`)) return null;
  const given = new URLSearchParams(location.hash.slice(1)).get(NAME).trim();
  history.replaceState(history.state, "", location.pathname + location.search);
  if (!given) return null;
  localStorage.setItem(NAME, given);
  sessionStorage.removeItem(NAME);
  return given;
}

let current = taken() ?? sessionStorage.getItem(NAME) ?? localStorage.getItem(NAME) ?? "";

export const accessKey = () => current;

export function useKey(given) {
  current = given;
  sessionStorage.setItem(NAME, given);
  const stays = localStorage.getItem(NAME) !== null || matchMedia("(display-mode: standalone)").matches;
  if (stays) localStorage.setItem(NAME, given);  // an earlier one that stays opens this server no longer
}

// The address was opened again where the page is open already.
addEventListener("hashchange", () => { if (taken() !== null) location.reload(); });
