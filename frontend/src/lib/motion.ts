/** No movement for those who asked their system for none. */

export const wantsCalm = () => matchMedia('(prefers-reduced-motion: reduce)').matches;

export function calm<T extends { duration?: number }>(parameters: T): T {
  return wantsCalm() ? { ...parameters, duration: 0 } : parameters;
}
