/** Animation settings that respect the system's preference for reduced motion. */

export const wantsCalm = () => matchMedia('(prefers-reduced-motion: reduce)').matches;

export function calm<T extends { duration?: number }>(parameters: T): T {
  return wantsCalm() ? { ...parameters, duration: 0 } : parameters;
}
