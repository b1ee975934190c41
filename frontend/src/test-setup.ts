import '@testing-library/jest-dom/vitest';

// What jsdom does not have and the components ask for.
globalThis.matchMedia ??= (query: string) =>
  ({ matches: query.includes('reduce'), media: query, addEventListener: () => undefined, removeEventListener: () => undefined }) as unknown as MediaQueryList;
globalThis.scrollTo = () => undefined;
Element.prototype.animate ??= () => ({ finished: Promise.resolve(), cancel: () => undefined }) as unknown as Animation;
HTMLImageElement.prototype.decode ??= () => Promise.resolve();
