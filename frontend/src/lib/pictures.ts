/** Pictures that come with the page; frontend/README.md says how they were made. */

const urls = import.meta.glob<string>('../assets/pictures/*.webp', { eager: true, query: '?url', import: 'default' });

export function picture(name: string): string {
  const url = urls[`../assets/pictures/${name}.webp`];
  if (!url) throw new Error(`no picture ${name}`);
  return url;
}

export interface Painting {
  content: string;
  style: string;
  contentTitle: string;
  styleTitle: string;
}

const CONTENTS = { cat: 'Chelsea the cat', rocket: 'Falcon 9', coffee: 'Espresso', astronaut: 'Eileen Collins' };
const STYLES = {
  impasto: 'Impasto',
  woodcut_waves: 'Woodcut waves',
  stained_glass: 'Stained glass',
  watercolour: 'Watercolour',
  mosaic: 'Mosaic',
  cubist: 'Cubist',
  orphism: 'Orphism',
  pointillism: 'Pointillism',
};

const painting = (content: keyof typeof CONTENTS, style: keyof typeof STYLES): Painting => ({
  content,
  style,
  contentTitle: CONTENTS[content],
  styleTitle: STYLES[style],
});

/** What hangs on the first page. */
export const GALLERY: Painting[] = [
  painting('rocket', 'impasto'),
  painting('cat', 'woodcut_waves'),
  painting('coffee', 'stained_glass'),
  painting('astronaut', 'mosaic'),
  painting('coffee', 'watercolour'),
  painting('rocket', 'orphism'),
];
