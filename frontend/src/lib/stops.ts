/** Sizes that the slider offers; the expert's form takes any. */
const SIZES = [128, 192, 256, 320, 384, 448, 512, 640, 768, 896, 1024, 1280, 1536, 2048, 2560, 3072, 3840];

/** Those that are possible, with the one in force among them. */
export function sizeStops(size: number, most: number): number[] {
  const stops = SIZES.filter((stop) => stop <= most);
  return stops.includes(size) ? stops : [...stops, size].sort((one, other) => one - other);
}
