/** Numbers and times as people read them. */

const LOCALE = 'en';

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
  if (bytes < 1000) return `${bytes} bytes`;
  if (bytes < 999_500) return `${Math.round(bytes / 1000)} kB`;
  const megabytes = bytes / 1e6;
  return `${megabytes < 10 ? megabytes.toFixed(1) : Math.round(megabytes)} MB`;
}

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
  return new Intl.NumberFormat(LOCALE, { maximumSignificantDigits: 4 }).format(value).replaceAll(',', ' ');
}

/** 0.30 */
export function hundredths(value: number): string {
  return value.toFixed(2);
}

/** As the reader's own locale writes dates: 3 March 2026 · March 3, 2026. */
export function day(iso: string, locale: string | undefined = undefined): string {
  return new Intl.DateTimeFormat(locale, { dateStyle: 'long' }).format(new Date(iso));
}

const STEPS: [unit: Intl.RelativeTimeFormatUnit, seconds: number][] = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
];

/** just now · 5 minutes ago · yesterday */
export function ago(iso: string, now = Date.now()): string {
  const seconds = (new Date(iso).getTime() - now) / 1000;
  const step = STEPS.find(([, length]) => Math.abs(seconds) >= length);
  const words = new Intl.RelativeTimeFormat(LOCALE, { numeric: 'auto' });
  return step ? words.format(Math.round(seconds / step[1]), step[0]) : 'just now';
}
