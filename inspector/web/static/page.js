// What textual.js leaves to its page: where the websocket is, why it closed, and the first focus.
"use strict";

(() => {
  const LOST = "The connection to inspector is lost: it has stopped, or this machine slept.";

  function ended(event) {
    document.getElementById("reason").textContent = event.reason || LOST;
    // A closed session takes no more keys: they must not go to a socket that is gone.
    document.getElementById("again").focus();
  }

  // textual.js makes one socket, from the address in the page, and does not show why it closed.
  window.WebSocket = class extends window.WebSocket {
    constructor(address) {
      const url = new URL(address, window.location.href);
      url.protocol = "ws:";
      super(url.href);
      this.addEventListener("close", (event) => setTimeout(ended, 0, event));
    }

    send(data) {
      if (this.readyState === window.WebSocket.OPEN) {
        super.send(data);
      }
    }
  };

  document.addEventListener("DOMContentLoaded", () => {
    document.getElementById("again").addEventListener("click", () => window.location.reload());
    // The terminal has the focus as soon as it shows something, without a click.
    const watch = new MutationObserver(() => {
      if (document.body.classList.contains("-first-byte")) {
        watch.disconnect();
        document.querySelector(".xterm-helper-textarea").focus();
      }
    });
    watch.observe(document.body, { attributes: true, attributeFilter: ["class"] });
  });
})();
