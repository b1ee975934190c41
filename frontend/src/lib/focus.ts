/** Keyboard focus that stays near its place when the element that has it disappears; browsers give it to the body. */

const FOCUSABLE = 'a[href], button:not(:disabled), input:not(:disabled)';

/** Place of the focus: its element, with the list and the section around it. */
interface Place {
  element: Element;
  list: Element | null;
  /** Index of the list's item that contains the element. */
  index: number;
  section: Element | null;
}

function placeOf(element: Element): Place {
  const item = element.closest('li');
  const list = item?.parentElement ?? null;
  const index = item && list ? [...list.children].indexOf(item) : 0;
  return { element, list, index, section: element.closest('section') };
}

/** Attachment of the element with the page: moves the focus on from whatever disappears in it. */
export function keepFocus(main: HTMLElement): () => void {
  let place: Place | null = null;

  const remember = ({ target }: FocusEvent) => {
    place = target instanceof Element && main.contains(target) ? placeOf(target) : null;
  };

  const observer = new MutationObserver((changes) => {
    const element = place?.element;
    const isRemoved = changes.some(({ removedNodes }) => [...removedNodes].some((node) => node.contains(element ?? null)));
    if (!place || !isRemoved || document.activeElement !== document.body) return;
    // Without scrolling: by mouse or touch, people look at the place where they have clicked.
    next(place, main)?.focus({ preventScroll: true });
  });

  document.addEventListener('focusin', remember);
  observer.observe(main, { childList: true, subtree: true });
  return () => {
    document.removeEventListener('focusin', remember);
    observer.disconnect();
  };
}

/** Returns the next item of the list, else the heading of the section; null where neither was around the element. */
function next({ element, list, index, section }: Place, main: HTMLElement): HTMLElement | null {
  if (element.isConnected) return element as HTMLElement; // it was moved
  const items = list?.isConnected ? list.children : [];
  const item = items[Math.min(index, items.length - 1)];
  return (
    item?.querySelector<HTMLElement>(FOCUSABLE) ??
    section?.querySelector<HTMLElement>('h2[tabindex]') ??
    (list ? main : null)
  );
}
