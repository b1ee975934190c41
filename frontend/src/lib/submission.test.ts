import { describe, expect, it } from 'vitest';
import { DOCUMENT, job } from './fixtures';
import type { Result } from './types';
import { canRepaint, estimateQuery, formOf, largerForm, largerSize, optionsOf, recipeOf, repaintForm, shares, type Order, type Picture, type Source, type Style } from './submission';

let id = 0;

function picture(source: Source, name: string): Picture {
  return { source, name, url: `/pictures/${name}`, size: null, format: null, bytes: null };
}

const file = (name: string) => picture({ kind: 'file', file: new File(['bytes'], name) }, name);
const sample = (name: string) => picture({ kind: 'sample', name, address: `/${name}` }, name);
const ofJob = (index: number | null, count = 2) => picture({ kind: 'job', id: 'j', index, count, address: '/old' }, `old${index ?? ''}`);
const style = (one: Picture, changes: Partial<Style> = {}): Style => ({
  id: ++id,
  picture: one,
  blend: 50,
  mask: null,
  ...changes,
});

const order = (changes: Partial<Order>): Order => ({
  content: file('cat.jpg'),
  styles: [style(sample('impasto'))],
  detailMap: null,
  preset: 'quality',
  changes: {},
  ...changes,
});

async function fieldsOf(changes: Partial<Order>): Promise<[string, string][]> {
  const form = await formOf(order(changes), (path) => Promise.resolve(new Blob([path])));
  return [...form.entries()].map(([name, value]) => [name, value instanceof File ? `file ${value.name}` : value]);
}

describe('formOf', () => {
  it('sends files, names samples, and gives preset and changes', async () => {
    expect(await fieldsOf({ changes: { size: 800, brand_new: null } })).toEqual([
      ['content_image', 'file cat.jpg'],
      ['sample_style', 'impasto'],
      ['preset', 'quality'],
      ['size', '800'],
    ]);
  });

  it('repeats what a recipe recorded', async () => {
    const repeated = { changes: [{ step: 41, values: { strength: 0.8 } }], stopAfter: 60 };
    expect((await fieldsOf({ repeated })).slice(-2)).toEqual([
      ['steer', '41:strength=0.8'],
      ['stop_after', '60'],
    ]);
  });

  it('names the job whose pictures are used again', async () => {
    const styles = [style(ofJob(0)), style(ofJob(1))];
    expect((await fieldsOf({ content: ofJob(null), styles })).slice(0, 2)).toEqual([
      ['content_from', 'j'],
      ['styles_from', 'j'],
    ]);
  });

  it.each([
    ['one of two styles of a job', [style(ofJob(1))], ['file old1']],
    ['styles of a job in another order', [style(ofJob(1)), style(ofJob(0))], ['file old1', 'file old0']],
    ['a mixture', [style(sample('mosaic')), style(file('own.png'))], ['file mosaic.jpg', 'file own.png']],
  ])('sends %s as files, in their order', async (_, styles, names) => {
    const sent = (await fieldsOf({ styles })).filter(([name]) => name.startsWith('style'));
    expect(sent).toEqual(names.map((name) => ['style_image', name]));
  });

  it('sends a mask for each style, an empty one for none', async () => {
    const mask = { file: new Blob(['white']), url: 'blob:1' };
    const form = await formOf(order({ styles: [style(sample('a')), style(sample('b'), { mask })] }));
    expect(form.getAll('style_mask').map((part) => (part as File).size)).toEqual([0, 5]);
    expect((await fieldsOf({})).some(([name]) => name === 'style_mask')).toBe(false);
  });
});

it('sends where more of the photo is kept, and takes it from the job when it paints again', async () => {
  const detailMap = { file: new Blob(['white']), url: 'blob:1' };
  expect(await fieldsOf({ detailMap })).toContainEqual(['detail_map', 'file detail-map.png']);
  expect((await fieldsOf({})).some(([name]) => name.startsWith('detail_map'))).toBe(false);
  expect(recipeOf(order({ detailMap })).detailMap).toBe('cat-detail-map.png');
  const info = { name: 'detail-map.png', size: [96, 64], format: 'PNG', sample: null } as const;
  const pictures = { ...job().pictures, detail_map: { ...info, size: [96, 64] as [number, number] } };
  expect(repaintForm(job({ pictures }), DOCUMENT).get('detail_map_from')).toBe('1');
});

it('takes the masks from the job when it paints again or larger', () => {
  const mask = { name: 'mask.png', size: [96, 64] as [number, number], format: 'PNG', sample: null };
  const masked = job({ pictures: { ...job().pictures, masks: [null, mask] } });
  for (const form of [repaintForm(masked, DOCUMENT), largerForm(masked, DOCUMENT)]) {
    expect(form.get('masks_from')).toBe('1');
  }
  expect(repaintForm(job(), DOCUMENT).has('masks_from')).toBe(false);
});

it('paints a job again unless it runs, learns or has started from a result', () => {
  const done = job({ status: 'succeeded' });
  const info = { name: 'cat in impasto.png', size: [96, 64] as [number, number], format: 'PNG', sample: null };
  expect(canRepaint(done)).toBe(true);
  expect(canRepaint(job())).toBe(false);
  expect(canRepaint({ ...done, pictures: { ...done.pictures, initial: info } })).toBe(false);
});

describe('blending', () => {
  it('speaks of shares only where they differ', () => {
    const styles = [style(sample('a'), { blend: 75 }), style(sample('b'), { blend: 25 })];
    expect(optionsOf(order({ styles }))).toEqual({ style_blend: [0.75, 0.25] });
    expect(optionsOf(order({ styles: styles.slice(0, 1) }))).toEqual({});
  });

  it('survives sliders that are all at zero', () => {
    expect(shares([0, 0])).toEqual([0.5, 0.5]);
    expect(shares([2, 1])).toEqual([0.67, 0.33]);
  });
});

it('paints again with the pictures of the job, and names only what was changed', () => {
  const form = repaintForm(job({ options: { size: 512, content_weight: 1e5, strength: 0.5 } }), DOCUMENT);
  expect([...form.entries()]).toEqual([
    ['content_from', '1'],
    ['styles_from', '1'],
    ['preset', 'quality'],
    ['content_weight', '100000'],
  ]);
});

describe('painting on from a result', () => {
  const result: Result = {
    size: [512, 340],
    steps: 60,
    frames: null,
    evaluations: 66,
    stop_reason: 'canceled',
    model: 'vgg16',
    device: 'cpu',
    precision: 'fp32',
    changes: [{ step: 41, values: { strength: 0.8 } }],
    stopped_after: 60,
    distances: null,
    notice: null,
    content_type: 'image/png',
  };
  const limits = { ...DOCUMENT.limits, max_size: 1024 };

  it('is at twice the size, at that size alone, with the steps of the finest size', () => {
    const form = largerForm(job({ result, options: { size: 512, total_iterations: 100, scales: 4 } }), { ...DOCUMENT, limits });
    expect(form.get('initial_from')).toBe('1');
    expect(form.get('size')).toBe('1024');
    expect(form.get('scales')).toBe('1');
    expect(form.get('total_iterations')).toBe('40');
  });

  it('is not offered for drafts, nor where the server paints none so large', () => {
    const painted = job({ result, options: { size: 512, total_iterations: 100 } });
    expect(largerSize(painted, { ...DOCUMENT, limits })).toBe(1024);
    expect(largerSize(painted, { ...DOCUMENT, limits: { ...limits, max_size: 1023 } })).toBeNull();
    expect(largerSize(job({ result, options: { total_iterations: 0 } }), { ...DOCUMENT, limits })).toBeNull();
    expect(largerSize(job(), { ...DOCUMENT, limits })).toBeNull();
  });
});

it('tells the commands what is sample and what is file', () => {
  expect(recipeOf(order({ changes: { size: 800 } }))).toEqual({
    content: { name: 'cat.jpg', sample: undefined },
    styles: [{ name: 'impasto', sample: 'impasto', mask: undefined }],
    detailMap: undefined,
    preset: 'quality',
    options: { size: 800 },
    changes: [],
    stopAfter: null,
  });
});

it('asks for an estimate with what the time depends on', () => {
  expect(estimateQuery(order({ content: sample('cat'), changes: { size: 800 } })).toString()).toBe(
    'preset=quality&size=800&sample_content=cat',
  );
  const known = { ...file('a.jpg'), size: [600, 400] as [number, number] };
  expect(estimateQuery(order({ content: known })).toString()).toBe('preset=quality&width=600&height=400');
  const film = { ...known, film: { seconds: 2, frames: 48, passes: 3 } };
  expect(estimateQuery(order({ content: film })).toString()).toBe(
    'preset=quality&width=600&height=400&frames=48&passes=3',
  );
});

it('tells how often a film is painted, also again', async () => {
  const film = (passes: number) => ({ ...file('a.mp4'), film: { seconds: 2, frames: 48, passes } });
  expect((await formOf(order({ content: film(1) }))).get('passes')).toBeNull();
  expect((await formOf(order({ content: film(3) }))).get('passes')).toBe('3');
  const again = repaintForm(job({ film: { frames: 4, seconds: 1, passes: 2 } }), DOCUMENT);
  expect(again.get('passes')).toBe('2');
});
