/** What makes the pages live; without it they show the station as it was when they were loaded. */
import { followDetails, followForms } from "./forms.ts";
import { followStation } from "./live.ts";
import { localizeTimes } from "./times.ts";

// On a phone the views do not fit side by side.
document.querySelector("nav [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });
localizeTimes(document);
followForms();
followDetails();
followStation();
