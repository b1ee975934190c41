/** Numbers and times as people read them. */

let locale = 'en';

/** All that is written from now on is written as this language does. */
export function writeIn(language: string): void {
  locale = language;
}

const formatted = (value: number, options: Intl.NumberFormatOptions) => new Intl.NumberFormat(locale, options).format(value);

/** 4 s · 1 min 20 s · 2 h 5 min */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return whole % 60 ? `${minutes} min ${whole % 60} s` : `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
}

/** 812 bytes · 48 kB · 3.4 MB */
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

/** 0.5 · 30 000 · 1.4 × 10⁵ is written 140 000; from a million on 3.2e12 */
export function plainNumber(value: number): string {
  if (value !== 0 && (Math.abs(value) >= 1e7 || Math.abs(value) < 1e-4)) {
    return value.toExponential(1).replace('e+', 'e').replace('.0e', 'e');
  }
  const parts = new Intl.NumberFormat(locale, { maximumSignificantDigits: 4, useGrouping: 'always' }).formatToParts(value);
  return parts.map(({ type, value: text }) => (type === 'group' ? ' ' : text)).join('');
}

/** 0.30 */
export function hundredths(value: number): string {
  return formatted(value, places(2));
}

/** A number that was typed with the decimal sign of the language; the point is taken in each. */
export function typedNumber(text: string): number {
  return Number(text.replace(decimalSign(), '.'));
}

/** A number for a field, with all its digits: 0.005 · 0,005 */
export function editable(value: number): string {
  return String(value).replace('.', decimalSign());
}

const decimalSign = () => formatted(0.5, {}).charAt(1);

/** As the reader's own region writes dates in the language of the page: 3 March 2026 · March 3, 2026. */
export function day(iso: string, region = regionOf(locale)): string {
  return new Intl.DateTimeFormat(region, { dateStyle: 'long' }).format(new Date(iso));
}

const regionOf = (language: string) => navigator.languages.find((tag) => tag.split('-')[0] === language) ?? language;

/** JPEG, PNG, and WebP */
export const allOf = (names: string[]) => new Intl.ListFormat(locale, { type: 'conjunction' }).format(names);

/** JPEG, PNG, or WebP */
export const eitherOf = (names: string[]) => new Intl.ListFormat(locale, { type: 'disjunction' }).format(names);

const STEPS: [unit: Intl.RelativeTimeFormatUnit, seconds: number][] = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
];

/** 5 minutes ago · yesterday; null within a minute. */
export function ago(iso: string, now = Date.now()): string | null {
  const seconds = (new Date(iso).getTime() - now) / 1000;
  const step = STEPS.find(([, length]) => Math.abs(seconds) >= length);
  const words = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' });
  return step ? words.format(Math.round(seconds / step[1]), step[0]) : null;
}
