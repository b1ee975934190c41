/** Colour theme: light, dark, or that of the system; the colours are light-dark() pairs in app.css. */

import { keep, recall } from './store';

export type Theme = 'system' | 'light' | 'dark';

const KEY = 'nst-theme';
const ORDER: Theme[] = ['system', 'light', 'dark'];

class ThemeChoice {
  current = $state<Theme>('system');

  constructor() {
    const stored = recall(KEY) as Theme | null;
    if (stored && ORDER.includes(stored)) this.#apply(stored);
  }

  next(): void {
    const theme = ORDER[(ORDER.indexOf(this.current) + 1) % ORDER.length] ?? 'system';
    keep(KEY, theme);
    this.#apply(theme);
  }

  #apply(theme: Theme): void {
    this.current = theme;
    document.documentElement.dataset['theme'] = theme;
  }
}

export const theme = new ThemeChoice();
