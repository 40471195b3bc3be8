"use strict";

// Asks every two seconds how far the pairing is and shows it. Nothing here begins a pairing but the form and the button.
(() => {
  const EVERY = 2000;
  const AT_MOST = 30000;
  // The picture of a profile comes a little later than the profile.
  const LOOKS_AFTER = 15;
  const page = location.pathname;
  const at = (id) => document.getElementById(id);
  let pause = EVERY;
  let timer;
  let ended = false;
  let wantsQr = false;
  let looksLeft = LOOKS_AFTER;

  const show = (id, visible) => {
    at(id).hidden = !visible;
  };

  const say = (id, text) => {
    if (at(id).textContent !== text) at(id).textContent = text;
  };

  const WORDS = {
    connecting: "Waiting for the phone",
    connected: "Connected",
    disconnected: "Not connected",
    loggedout: "Logged out",
    banned: "WhatsApp has banned this number",
  };

  const showProblem = (problem, canRetry) => {
    show("problem-box", Boolean(problem) || canRetry);
    show("problem", Boolean(problem));
    say("problem", problem || "");
    show("retry", canRetry);
  };

  const showPicture = (url) => {
    const picture = at("profile-picture");
    picture.onload = () => {
      show("profile-picture", true);
      show("profile-mark", false);
    };
    if (url && picture.src !== url) picture.src = url;
  };

  const render = (now) => {
    document.body.dataset.state = now.state;
    const connected = now.state === "connected";
    const running = now.state === "connecting";
    const typing = running && Boolean(now.pairingCode) && !wantsQr;
    if (connected && (now.profile?.pictureUrl || --looksLeft === 0)) ended = true;
    if (!connected) looksLeft = LOOKS_AFTER;
    say("state", running && !now.qr && !typing && !now.problem ? "Getting a code…" : WORDS[now.state] || now.state);
    showProblem(connected ? null : now.problem, !connected && !running);
    show("scan", running && !typing);
    show("qr", Boolean(now.qr));
    show("waiting", !now.qr);
    if (now.qr && at("qr").src !== now.qr) at("qr").src = now.qr;
    show("type", typing);
    show("pairing-code", typing);
    say("pairing-code", typing ? now.pairingCode : "");
    say("pairing-number", typing && now.pairingNumber ? `+${now.pairingNumber}` : "");
    show("ask", !connected);
    show("profile", connected);
    if (connected && now.profile) {
      say("profile-name", now.profile.name || "WhatsApp");
      say("profile-number", now.profile.number ? `+${now.profile.number}` : "");
      showPicture(now.profile.pictureUrl);
    }
  };

  const failure = async (response) => {
    try {
      return (await response.json()).error.message;
    } catch {
      return `The server answered ${response.status}.`;
    }
  };

  const refused = async (response) => {
    ended = true;
    showProblem(await failure(response), false);
    for (const id of ["scan", "type", "ask"]) show(id, false);
    say("state", "This page is over");
  };

  const look = async () => {
    try {
      const response = await fetch(`${page}/state`, { cache: "no-store", credentials: "same-origin" });
      if (response.ok) {
        pause = EVERY;
        render(await response.json());
      } else if ([401, 403, 404].includes(response.status)) {
        await refused(response);
      } else {
        pause = Math.min(pause * 2, AT_MOST);
        if (response.status !== 429) showProblem(await failure(response), false);
      }
    } catch {
      pause = Math.min(pause * 2, AT_MOST);
      showProblem("The server cannot be reached. Trying again…", false);
    }
    clearTimeout(timer);
    if (!ended) timer = setTimeout(look, pause);
  };

  const begin = async (number) => {
    const response = await fetch(`${page}/code`, {
      method: "POST",
      body: new URLSearchParams({ number }),
      credentials: "same-origin",
    });
    return response.ok ? null : failure(response);
  };

  const press = async (button, number, tell) => {
    button.disabled = true;
    try {
      tell(await begin(number));
    } catch {
      tell("The server cannot be reached.");
    }
    button.disabled = false;
    pause = EVERY;
    if (!ended) await look();
  };

  at("ask").addEventListener("submit", (event) => {
    event.preventDefault();
    const number = at("number").value.trim();
    const tell = (problem) => {
      show("number-problem", Boolean(problem));
      say("number-problem", problem || "");
    };
    wantsQr = false;
    if (number) press(at("ask-code"), number, tell);
    else tell("Type the number of the phone.");
  });

  at("show-qr").addEventListener("click", () => {
    wantsQr = true;
    press(at("show-qr"), "", () => {});
  });

  at("retry").addEventListener("click", () => press(at("retry"), "", () => {}));

  look();
})();
