/** Whether the page is as narrow as a phone; the style sheets draw the line at the same width. */
export const NARROW = matchMedia("(max-width: 720px)");
