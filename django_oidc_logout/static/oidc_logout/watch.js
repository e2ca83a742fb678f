// Leaves a signed-in page once its session has ended: see the tag `oidc_logout_watch`.
"use strict";

(() => {
  const { statusUrl, logoutUrl, leaveUrl, interval } = document.currentScript.dataset;
  const pause = Math.min(Math.max(Number(interval) || 60, 1), 86400) * 1000;
  const channel = window.BroadcastChannel && new BroadcastChannel("oidc-logout");
  let [left, submitted, next, soon] = [false, 0, 0, []];

  const tell = () => channel?.postMessage("signing out");

  const leave = () => {
    // Do not interrupt a page that is on its way to the provider.
    if (left || Date.now() < submitted + 30000) return;
    left = true;
    tell();
    if (leaveUrl) location.replace(leaveUrl);
    else location.reload();
  };

  const check = async () => {
    if (left) return;
    wait(pause);
    try {
      const answer = await fetch(statusUrl, { cache: "no-store", redirect: "error" });
      if (answer.ok && (await answer.json()).signed_in === false) leave();
    } catch {
      // The browser is offline, or the response is not from the status view: stay on the page.
    }
  };

  const wait = (time) => {
    clearTimeout(next);
    if (!document.hidden) next = setTimeout(check, time);
  };

  // Another tab is signing out or has found itself signed out. Its message can outrun the server.
  const checkSoon = () => {
    soon.forEach(clearTimeout);
    soon = [150, 400, 800, 2000, 5000].map((time) => setTimeout(check, time));
    check();
  };

  const signsOut = ({ target, submitter }) => {
    const action = submitter?.getAttribute("formaction") ?? target.getAttribute("action") ?? "";
    const { origin, pathname } = new URL(action, document.baseURI);
    return origin + pathname === new URL(logoutUrl, location.href).href;
  };

  document.addEventListener("submit", (event) => {
    if (!signsOut(event)) return;
    submitted = Date.now();
    tell();
  }, true);
  // By now the server has responded to the form, so the session has ended.
  addEventListener("pagehide", () => submitted && tell());

  addEventListener("pageshow", ({ persisted }) => {
    if (!persisted) return;
    [left, submitted] = [false, 0];
    check();
  });
  addEventListener("focus", () => wait(0));
  document.addEventListener("visibilitychange", () => wait(0));
  if (channel) channel.onmessage = checkSoon;
  wait(pause);
})();
