/** Images that are part of the page; frontend/README.md names their sources. */

const urls = import.meta.glob<string>('../assets/pictures/*.webp', { eager: true, query: '?url', import: 'default' });

export function picture(name: string): string {
  const url = urls[`../assets/pictures/${name}.webp`];
  if (!url) throw new Error(`no picture ${name}`);
  return url;
}

export interface Painting {
  content: string;
  style: string;
}

/** Paintings on the home page. */
export const GALLERY: Painting[] = [
  { content: 'rocket', style: 'impasto' },
  { content: 'cat', style: 'woodcut_waves' },
  { content: 'coffee', style: 'stained_glass' },
  { content: 'astronaut', style: 'mosaic' },
  { content: 'coffee', style: 'watercolour' },
  { content: 'rocket', style: 'orphism' },
];
