// What textual.js leaves to its page: where the websocket is, why it closed, the first focus, and
// a copy that the browser refuses.
"use strict";

(() => {
  const LOST = "The connection to inspector is lost: it has stopped, or this machine slept.";
  const WHY = { 1009: "That was more than a session takes at once." };

  const shown = (id) => document.getElementById(id);

  function focusTerminal() {
    document.querySelector(".xterm-helper-textarea")?.focus();
  }

  function ended(event) {
    shown("reason").textContent = event.reason || WHY[event.code] || LOST;
    shown("again").focus();
  }

  // textual.js makes one socket, from the address in the page, and does not show why it closed.
  const Socket = window.WebSocket;
  window.WebSocket = class extends Socket {
    constructor(address) {
      const url = new URL(address, window.location.href);
      url.protocol = "ws:";
      super(url.href);
      // After textual.js, which shows the dialog: what is not shown cannot have the focus.
      this.addEventListener("close", (event) => setTimeout(ended, 0, event));
    }

    send(data) {
      // Keys that are pressed after the end go nowhere.
      if (this.readyState === Socket.OPEN) {
        super.send(data);
      }
    }
  };

  // Some browsers let a page copy only at a click or key of their own counting; then one is asked
  // for. What runs in the terminal may write to the clipboard, and never read it.
  let refused = "";

  function offer(text) {
    refused = text;
    document.body.classList.add("-refused");
    shown("copy").focus();
  }

  function copyRefused() {
    const holder = document.createElement("textarea");
    holder.value = refused;
    document.body.append(holder);
    holder.select();
    document.execCommand("copy");
    holder.remove();
    closeOffer();
  }

  function closeOffer() {
    refused = "";
    document.body.classList.remove("-refused");
    focusTerminal();
  }

  const clipboard = navigator.clipboard;
  if (clipboard) {
    const write = clipboard.writeText.bind(clipboard);
    clipboard.writeText = (text) => write(text).catch(() => offer(text));
    clipboard.readText = () => Promise.reject(new Error("not allowed"));
  }

  document.addEventListener("DOMContentLoaded", () => {
    shown("again").addEventListener("click", () => window.location.reload());
    shown("copy").addEventListener("click", copyRefused);
    shown("leave").addEventListener("click", closeOffer);
    // The terminal has the focus as soon as it shows something, without a click.
    const watch = new MutationObserver(() => {
      if (document.body.classList.contains("-first-byte")) {
        watch.disconnect();
        focusTerminal();
      }
    });
    watch.observe(document.body, { attributes: true, attributeFilter: ["class"] });
  });
})();
