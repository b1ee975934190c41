import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { cliCommand, curlCommand, quote, type Recipe } from './commands';

const recipe: Recipe = {
  content: { name: 'my cat.jpg' },
  styles: [{ name: 'Impasto', sample: 'impasto' }, { name: "it's.png" }],
  preset: 'quality',
  options: { size: 800, style_blend: [0.7, 0.3], brand_new: null },
};

/** Returns the words into which a real shell splits a command. */
function wordsOf(command: string): string[] {
  const printed = execFileSync('sh', ['-c', `printf '%s\\0' ${command}`]).toString();
  return printed.split('\0').slice(0, -1);
}

describe('quote', () => {
  it.each(['plain.jpg', 'my cat.jpg', "it's", '$(rm)', '`x`', 'a"b', 'ü', '', '!x', 'a;b', '*'])('%s', (text) => {
    expect(wordsOf(quote(text))).toEqual([text]);
  });
});

it('writes a curl command that a shell reads as it is meant', () => {
  expect(wordsOf(curlCommand(recipe, 'http://localhost:8000'))).toEqual([
    'curl',
    ...['-F', 'content_image=@my cat.jpg'],
    ...['-F', 'style_image=@data/style/impasto.jpg'],
    ...['-F', "style_image=@it's.png"],
    ...['-F', 'preset=quality'],
    ...['-F', 'size=800'],
    ...['-F', 'style_blend=0.7,0.3'],
    'http://localhost:8000/api/v1/jobs',
  ]);
});

it('names samples where all styles are samples', () => {
  const samples = { ...recipe, styles: [{ name: 'Impasto', sample: 'impasto' }] };
  expect(wordsOf(curlCommand(samples, 'http://x'))).toContain('sample_style=impasto');
});

it('gives each style its mask, or none', () => {
  const [first, second] = recipe.styles;
  const masked = { ...recipe, styles: [{ ...first, mask: 'impasto-mask.png' }, second] } as Recipe;
  const words = wordsOf(curlCommand(masked, 'http://x')).filter((word) => word.startsWith('style_mask'));
  expect(words).toEqual(['style_mask=@impasto-mask.png', 'style_mask=@/dev/null']);
  expect(cliCommand(masked)).toContain('--style-mask impasto-mask.png --style-mask - ');
});

it('says where more of the photo is kept', () => {
  const kept = { ...recipe, detailMap: 'my cat-detail-map.png' };
  expect(wordsOf(curlCommand(kept, 'http://x'))).toContain('detail_map=@my cat-detail-map.png');
  expect(cliCommand(kept)).toContain("--detail-map 'my cat-detail-map.png' ");
});

it('protects names that curl itself would cut', () => {
  const odd = { ...recipe, content: { name: 'a;b,"c".jpg' } };
  expect(wordsOf(curlCommand(odd, 'http://x'))).toContain('content_image=@"a;b,\\"c\\".jpg"');
});

it('writes a command line that a shell reads as it is meant', () => {
  expect(wordsOf(cliCommand(recipe))).toEqual([
    ...['nst', 'stylize', 'my cat.jpg', 'sample:impasto', "it's.png"],
    ...['-o', "my cat_impasto_it's.png", '--preset', 'quality'],
    ...['--size', '800', '--style-blend', '0.7,0.3'],
  ]);
});

it('keeps a name that begins with a dash from being an option', () => {
  expect(cliCommand({ ...recipe, content: { name: '-o.jpg' } })).toMatch(/^nst stylize \.\/-o\.jpg /);
});

it('repeats what was steered, and stops where it stopped', () => {
  const changes = [
    { step: 41, values: { strength: 0.8 } },
    { step: 50, values: { strength: 0.7, tv_weight: 2 } },
  ];
  const steered = { ...recipe, changes, stopAfter: 60 };
  expect(cliCommand(steered)).toMatch(/ --steer 41:strength=0.8 --steer 50:strength=0.7,tv_weight=2 --stop-after 60$/);
  const words = wordsOf(curlCommand(steered, 'http://x'));
  expect(words).toContain('steer=41:strength=0.8');
  expect(words).toContain('steer=50:strength=0.7,tv_weight=2');
  expect(words).toContain('stop_after=60');
});
