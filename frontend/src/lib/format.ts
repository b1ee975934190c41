/** Formatting of numbers and times for people. */

let locale = 'en';

/** Sets the language in which numbers and dates are formatted from now on. */
export function writeIn(language: string): void {
  locale = language;
}

const formatted = (value: number, options: Intl.NumberFormatOptions) => new Intl.NumberFormat(locale, options).format(value);

/** Formats a duration: 4 s · 1 min 20 s · 2 h 5 min. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return whole % 60 ? `${minutes} min ${whole % 60} s` : `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
}

/** Formats a file size: 812 bytes · 48 kB · 3.4 MB. */
export function fileSize(bytes: number): string {
  if (bytes < 1000) return formatted(bytes, { style: 'unit', unit: 'byte', unitDisplay: 'long' });
  if (bytes < 999_500) return `${Math.round(bytes / 1000)} kB`;
  const megabytes = bytes / 1e6;
  return `${formatted(megabytes, places(megabytes < 10 ? 1 : 0))} MB`;
}

const places = (count: number) => ({ minimumFractionDigits: count, maximumFractionDigits: count, useGrouping: false });

export function pixelSize([width, height]: readonly [number, number]): string {
  return `${width} × ${height}`;
}

export function percent(share: number): string {
  return `${Math.round(share)} %`;
}

/** Formats a number: 0.5 · 30 000 · 140 000. From ten million on, and below 0.0001, it has an exponent: 3.2e12. */
export function plainNumber(value: number): string {
  if (value !== 0 && (Math.abs(value) >= 1e7 || Math.abs(value) < 1e-4)) {
    return value.toExponential(1).replace('e+', 'e').replace('.0e', 'e').replace('.', decimalSign());
  }
  const parts = new Intl.NumberFormat(locale, { maximumSignificantDigits: 4, useGrouping: 'always' }).formatToParts(value);
  return parts.map(({ type, value: text }) => (type === 'group' ? ' ' : text)).join('');
}

/** Formats a number with two decimal places: 0.30. */
export function hundredths(value: number): string {
  return formatted(value, places(2));
}

/** Parses a number typed with the decimal sign of the language; a point is accepted in every language. */
export function typedNumber(text: string): number {
  return Number(text.replace(decimalSign(), '.'));
}

/** Formats a number for an input field, with all its digits: 0.005 · 0,005. */
export function editable(value: number): string {
  return String(value).replace('.', decimalSign());
}

const decimalSign = () => formatted(0.5, {}).charAt(1);

/** Formats a date in the language of the page, as in the reader's region: 3 March 2026 · March 3, 2026. */
export function day(iso: string, region = regionOf(locale)): string {
  return new Intl.DateTimeFormat(region, { dateStyle: 'long' }).format(new Date(iso));
}

const regionOf = (language: string) => navigator.languages.find((tag) => tag.split('-')[0] === language) ?? language;

/** Joins names with "and": JPEG, PNG, and WebP. */
export const allOf = (names: string[]) => new Intl.ListFormat(locale, { type: 'conjunction' }).format(names);

/** Joins names with "or": JPEG, PNG, or WebP. */
export const eitherOf = (names: string[]) => new Intl.ListFormat(locale, { type: 'disjunction' }).format(names);

const STEPS: [unit: Intl.RelativeTimeFormatUnit, seconds: number][] = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
];

/** Formats a time relative to now: 5 minutes ago · yesterday. Returns null within a minute. */
export function ago(iso: string, now = Date.now()): string | null {
  const seconds = (new Date(iso).getTime() - now) / 1000;
  const step = STEPS.find(([, length]) => Math.abs(seconds) >= length);
  const words = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' });
  return step ? words.format(Math.round(seconds / step[1]), step[0]) : null;
}
