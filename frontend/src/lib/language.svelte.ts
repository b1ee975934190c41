/** The language of the page: as chosen in this browser, else the first of the browser's languages that there is. */

import { ENGLISH, speak, type Words } from '../texts';
import { writeIn } from './format';
import { keep, recall } from './store';

export type Language = 'en' | 'de';

/** Each in its own words, so that whoever reads only that one finds it. */
export const LANGUAGES: Record<Language, string> = { en: 'English', de: 'Deutsch' };

// A language is fetched when it is first used.
const WORDS: Record<Language, () => Promise<Words>> = {
  en: () => Promise.resolve(ENGLISH),
  de: () => import('../texts.de'),
};

const KEY = 'nst-language';

const isLanguage = (tag: string | null | undefined): tag is Language => tag != null && Object.hasOwn(LANGUAGES, tag);

/** The language that suits somebody who has chosen this, or nothing, and whose browser prefers these. */
export function languageFor(chosen: string | null, preferred: readonly string[]): Language {
  const known = [chosen, ...preferred].map((tag) => tag?.split('-')[0]?.toLowerCase());
  return known.find(isLanguage) ?? 'en';
}

class LanguageChoice {
  current = $state<Language>('en');

  /** Speaks the reader's language. Where it cannot be fetched, the page stays English. */
  async begin(): Promise<void> {
    await this.#speak(languageFor(recall(KEY), navigator.languages)).catch(() => undefined);
  }

  /** Speaks this language from now on, also after a reload; the page stays as it is where it cannot be fetched. */
  async choose(language: Language): Promise<void> {
    await this.#speak(language);
    keep(KEY, language);
  }

  async #speak(language: Language): Promise<void> {
    speak(await WORDS[language]());
    writeIn(language);
    document.documentElement.lang = language;
    this.current = language;
  }
}

export const language = new LanguageChoice();
