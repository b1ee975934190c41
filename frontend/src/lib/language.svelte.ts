/** Language of the page: the one chosen in this browser, else the first supported one that the browser prefers. */

import { ENGLISH, speak, type Words } from '../texts';
import { writeIn } from './format';
import { keep, recall } from './store';

export type Language = 'en' | 'de';

/** Name of each language in that language, so that those who read no other find it. */
export const LANGUAGES: Record<Language, string> = { en: 'English', de: 'Deutsch' };

// A language is fetched when it is first used.
const WORDS: Record<Language, () => Promise<Words>> = {
  en: () => Promise.resolve(ENGLISH),
  de: () => import('../texts.de'),
};

const KEY = 'nst-language';

const isLanguage = (tag: string | null | undefined): tag is Language => tag != null && Object.hasOwn(LANGUAGES, tag);

/** Returns the chosen language (null if none was chosen), else the first preferred one, else English. */
export function languageFor(chosen: string | null, preferred: readonly string[]): Language {
  const known = [chosen, ...preferred].map((tag) => tag?.split('-')[0]?.toLowerCase());
  return known.find(isLanguage) ?? 'en';
}

class LanguageChoice {
  current = $state<Language>('en');

  /** Loads the reader's language. If it cannot be fetched, the page stays English. */
  async begin(): Promise<void> {
    await this.#speak(languageFor(recall(KEY), navigator.languages)).catch(() => undefined);
  }

  /** Switches to this language, also for later visits. Throws, and changes nothing, if it cannot be fetched. */
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
