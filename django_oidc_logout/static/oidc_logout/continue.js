// Goes on with the next part of what staff have confirmed. Without it, they press the button again.
document.querySelector("form[data-continue]").requestSubmit();
