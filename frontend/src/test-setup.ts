import '@testing-library/jest-dom/vitest';
import { configure } from '@testing-library/svelte';
import { PATIENCE } from './lib/fixtures';

configure({ asyncUtilTimeout: PATIENCE.timeout });

// Stubs of browser APIs that the components use and jsdom lacks.
globalThis.matchMedia ??= (query: string) =>
  ({ matches: query.includes('reduce'), media: query, addEventListener: () => undefined, removeEventListener: () => undefined }) as unknown as MediaQueryList;
globalThis.scrollTo = () => undefined;
Element.prototype.animate ??= () => ({ finished: Promise.resolve(), cancel: () => undefined }) as unknown as Animation;
HTMLImageElement.prototype.decode ??= () => Promise.resolve();
