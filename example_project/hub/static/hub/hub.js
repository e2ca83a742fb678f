// Shows each step as it happens, and reloads the frames whose session it may have changed.
(() => {
  "use strict";

  const list = document.querySelector(".timeline.live");
  const empty = document.querySelector(".empty.live");
  const provider = document.querySelector('iframe[name="frame-provider"]');
  const show = () => {
    list.hidden = false;
    empty.hidden = list.childElementCount > 0;
  };
  let reload;
  show();

  const steps = new EventSource(list.dataset.stream);
  steps.addEventListener("message", (event) => {
    list.insertAdjacentHTML("afterbegin", JSON.parse(event.data));
    show();
    // The provider's frame is not where the button was pressed, so it shows who was signed in.
    clearTimeout(reload);
    reload = setTimeout(() => { provider.src = provider.src; }, 800);
  });
  addEventListener("pagehide", () => steps.close());
})();
