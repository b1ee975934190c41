/** Sizes that the slider offers, in pixels; the expert form accepts any size. */
const SIZES = [128, 192, 256, 320, 384, 448, 512, 640, 768, 896, 1024, 1280, 1536, 2048, 2560, 3072, 3840];

/** Returns the sizes up to `most` pixels in ascending order, including the current `size`. */
export function sizeStops(size: number, most: number): number[] {
  const stops = SIZES.filter((stop) => stop <= most);
  return stops.includes(size) ? stops : [...stops, size].sort((one, other) => one - other);
}
