"use strict";
// For readers who use a keyboard or a screen reader: what scrolls takes the focus, so that the arrow
// keys scroll it; parts of the theme that have no name or level get one.
const SCROLLING = "pre, .table-wrapper, .picture, .cell_output .output, article p:has(> img)";

function makeScrollingReachable() {
  for (const one of document.querySelectorAll(SCROLLING)) {
    const scrolls = one.scrollWidth > one.clientWidth || one.scrollHeight > one.clientHeight;
    if (scrolls && getComputedStyle(one).overflowX !== "visible") one.tabIndex = 0;
    else one.removeAttribute("tabindex");
  }
}

function nameTheTheme() {
  for (const one of document.querySelectorAll(".sidebar-tree [role=heading]")) one.ariaLevel = "2";
  document.querySelector(".sidebar-drawer")?.setAttribute("aria-label", "Pages");
  document.querySelector(".toc-drawer")?.setAttribute("aria-label", "On this page");
}

addEventListener("DOMContentLoaded", nameTheTheme);
addEventListener("load", makeScrollingReachable); // when pictures and letters have their sizes
addEventListener("resize", makeScrollingReachable);
