import { render, screen } from '@testing-library/svelte';
import userEvent from '@testing-library/user-event';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { Problem } from '../lib/api';
import { DOCUMENT, job, PATIENCE } from '../lib/fixtures';
import { fieldsOf, type Field } from '../lib/options';
import { studio } from '../lib/studio.svelte';
import type { Result } from '../lib/types';
import Commands from './Commands.svelte';
import Compare from './Compare.svelte';
import ContentPanel from './ContentPanel.svelte';
import ErrorNote from './ErrorNote.svelte';
import HumanSliders from './HumanSliders.svelte';
import JobEnd from './JobEnd.svelte';
import JobFacts from './JobFacts.svelte';
import LivePicture from './LivePicture.svelte';
import LossChart from './LossChart.svelte';
import OptionField from './OptionField.svelte';
import Presets from './Presets.svelte';
import StartBar from './StartBar.svelte';
import Steering from './Steering.svelte';
import StylePanel from './StylePanel.svelte';
import Viewer from './Viewer.svelte';

const user = userEvent.setup();

describe('Compare', () => {
  it('shows as much of the photo as its slider says', async () => {
    render(Compare, { before: '/photo', after: '/painting', beforeAlt: 'Photo of a cat', afterAlt: 'Painted cat' });
    const slider = screen.getByRole<HTMLInputElement>('slider', { name: 'Compare photo and painting' });
    const photo = screen.getByAltText('Photo of a cat');
    expect(photo.style.clipPath).toBe('inset(0 50% 0 0)');
    slider.value = '80';
    slider.dispatchEvent(new Event('input'));
    await vi.waitFor(() => {
      expect(photo.style.clipPath).toBe('inset(0 20% 0 0)');
    }, PATIENCE);
  });
});

describe('LivePicture', () => {
  it('fetches an image again that the server refuses at first', async () => {
    vi.useFakeTimers();
    vi.spyOn(HTMLImageElement.prototype, 'decode').mockRejectedValueOnce(new Error('refused')).mockResolvedValue();
    render(LivePicture, { src: '/painting', alt: 'Painted cat' });
    await vi.advanceTimersByTimeAsync(3000);
    vi.useRealTimers();
    expect(screen.getByAltText('Painted cat')).toHaveAttribute('src', '/painting');
  });
});

describe('OptionField', () => {
  const field = (name: string) => fieldsOf(DOCUMENT).find((one) => one.name === name) as Field;

  beforeEach(() => {
    studio.document = DOCUMENT;
    studio.preset = 'quality';
    studio.changes = {};
  });

  it('changes the option, marks it, and takes it back', async () => {
    render(OptionField, { field: field('size') });
    const input = screen.getByLabelText('Size');
    expect(input).toHaveValue('512');
    expect(input).toHaveAccessibleDescription('Longest side.');
    await user.clear(input);
    await user.type(input, '800{Tab}');
    expect(studio.changes).toEqual({ size: 800 });
    await user.click(screen.getByRole('button', { name: 'Set Size back to the preset' }));
    expect(studio.changes).toEqual({});
    expect(input).toHaveValue('512');
  });

  it('says what is allowed and keeps the option as it was', async () => {
    render(OptionField, { field: field('size') });
    const input = screen.getByLabelText('Size');
    await user.clear(input);
    await user.type(input, '5{Tab}');
    expect(screen.getByRole('alert')).toHaveTextContent('Give a whole number, at least 32, at most 16 000.');
    expect(input).toBeInvalid();
    expect(studio.changes).toEqual({});
  });

  it('offers the choices of the schema', async () => {
    render(OptionField, { field: field('color') });
    await user.selectOptions(screen.getByLabelText('Colours'), 'luminance');
    expect(studio.changes).toEqual({ color: 'luminance' });
  });

  it('takes a text that matches the pattern of the schema, and suggests examples', async () => {
    render(OptionField, { field: field('style_layers') });
    const input = screen.getByLabelText('Style layers');
    expect((input as HTMLInputElement).list?.options).toHaveLength(3);
    await user.clear(input);
    await user.type(input, 'relu1_1 = 2, relu3_1{Tab}');
    expect(studio.changes).toEqual({ style_layers: 'relu1_1=2,relu3_1' });
    await user.clear(input);
    await user.type(input, 'all{Tab}');
    expect(screen.getByRole('alert')).toHaveTextContent('Give a value like classic or dense or relu1_1=2,relu4_1.');
    expect(studio.changes).toEqual({ style_layers: 'relu1_1=2,relu3_1' });
  });
});

describe('options without effect', () => {
  const sliders = () => screen.queryAllByRole('slider').map((slider) => slider.getAttribute('aria-label'));

  beforeEach(() => {
    studio.document = DOCUMENT;
    studio.preset = 'quality';
    studio.changes = {};
  });

  it('have no slider', async () => {
    render(HumanSliders);
    expect(sliders()).toEqual(['Strength', 'Flourish', 'Detail']);
    studio.choosePreset('gram');
    await vi.waitFor(() => {
      expect(sliders()).toEqual(['Strength', 'Detail']);
    }, PATIENCE);
    studio.choosePreset('draft');
    await vi.waitFor(() => {
      expect(sliders()).toEqual(['Detail']);
    }, PATIENCE);
    expect(screen.queryByRole('radio')).not.toBeInTheDocument();
  });

  it('are named near Start when they were changed', async () => {
    render(StartBar);
    studio.set('flourish', 0.8);
    studio.set('strength', 0.7);
    expect(screen.queryByText(/has no effect/)).not.toBeInTheDocument();
    studio.choosePreset('gram');
    expect(await screen.findByText('Flourish has no effect: it needs Style loss Nearest neighbours.')).toBeInTheDocument();
    expect(screen.getAllByText(/has no effect/)).toHaveLength(1);
    studio.choosePreset('draft');
    expect(await screen.findByText('Flourish has no effect on a draft or with a learned style.')).toBeInTheDocument();
    expect(screen.getByText('Strength has no effect on a draft or with a learned style.')).toBeInTheDocument();
  });

  it('are named beside their field', () => {
    studio.choosePreset('gram');
    render(OptionField, { field: fieldsOf(DOCUMENT).find(({ name }) => name === 'flourish') as Field });
    expect(screen.getByLabelText('Flourish')).toHaveAccessibleDescription(
      'Flourish has no effect: it needs Style loss Nearest neighbours.',
    );
  });

  it('are named on the page of their picture', () => {
    render(JobFacts, { job: job({ notices: ['seed has no effect on a draft'] }) });
    expect(screen.getByText('seed has no effect on a draft.')).toBeInTheDocument();
  });

  it('cannot be steered', () => {
    const inForce = { strength: 0.5, flourish: 0.25, content_weight: 1e4, color_amount: 1 };
    const { unmount } = render(Steering, { job: job(), inForce });
    expect(sliders()).toEqual(['Strength', 'Flourish', 'Keep the photo']);
    expect(screen.getByRole('slider', { name: 'Flourish' })).toHaveAttribute('aria-valuetext', '25 %');
    unmount();
    render(Steering, { job: job({ steerable: ['strength'] }), inForce });
    expect(sliders()).toEqual(['Strength']);
  });

  it('are steered without words of their own, too', () => {
    render(Steering, { job: job({ steerable: ['brand_new', 'strength'] }), inForce: { strength: 0.5, brand_new: 2 } });
    expect(sliders()).toEqual(['Strength', 'Brand new']);
  });
});

it('offers presets from the quickest to the longest', async () => {
  studio.document = DOCUMENT;
  render(Presets);
  expect(screen.getAllByRole('radio').map((radio) => radio.querySelector('span')?.textContent)).toEqual([
    'Draft',
    'Best',
    'Classic Gram matrices',
    'Original',
  ]);
  await user.click(screen.getByRole('radio', { name: /^Classic Gram matrices/ }));
  expect(studio.preset).toBe('gram');
});

describe('Viewer', () => {
  const done = job({
    status: 'succeeded',
    result: {
      size: [512, 341],
      steps: 180,
      frames: null,
      evaluations: 190,
      stop_reason: 'total_iterations',
      changes: [],
      stopped_after: null,
      model: 'vgg16',
      device: 'cpu',
      precision: 'bf16',
      distances: null,
      notice: null,
      content_type: 'image/png',
    },
    links: { ...job().links, result: '/api/v1/jobs/1/result' },
  });

  it('shows the photo while a key or the button is held', async () => {
    render(Viewer, { job: done });
    expect(screen.queryByAltText('The photo of cat in impasto')).not.toBeInTheDocument();
    await user.keyboard('{o>}');
    expect(screen.getByAltText('The photo of cat in impasto')).toBeInTheDocument();
    await user.keyboard('{/o}');
    expect(screen.queryByAltText('The photo of cat in impasto')).not.toBeInTheDocument();

    const button = screen.getByRole('button', { name: 'Hold for photo' });
    await user.pointer({ keys: '[MouseLeft>]', target: button });
    expect(screen.getByAltText('The photo of cat in impasto')).toBeInTheDocument();
    await user.pointer({ keys: '[/MouseLeft]', target: button });
    expect(screen.queryByAltText('The photo of cat in impasto')).not.toBeInTheDocument();
  });

  it('compares, at the touch of a key', async () => {
    render(Viewer, { job: done });
    await user.keyboard('c');
    expect(screen.getByRole('slider', { name: 'Compare photo and painting' })).toBeInTheDocument();
    await user.keyboard('c');
    expect(screen.queryByRole('slider')).not.toBeInTheDocument();
  });

  it('says that the draft stays until the painting shows more', async () => {
    const progress = (preview_step: number) => ({
      progress: {
        step: 5,
        total_iterations: 180,
        frame: null,
        percent: 3,
        elapsed_seconds: 1,
        remaining_seconds: 9,
        losses: null,
        size: [64, 43] as [number, number],
        in_force: {},
        changes: [],
        preview_step,
      },
      links: { ...job().links, preview: '/preview' },
    });
    const { rerender } = render(Viewer, { job: job(progress(0)) });
    expect(screen.getByText('Draft – the painting replaces it soon')).toBeInTheDocument();
    await rerender({ job: job(progress(12)) });
    expect(screen.queryByText(/the painting replaces it/)).not.toBeInTheDocument();
  });

  it('shows the frames from the first on', async () => {
    const frames = [5, 10, 15].map((step) => ({ step, url: `/frames/${step}` }));
    vi.stubGlobal('fetch', () => Promise.resolve(new Response(JSON.stringify({ frames }))));
    render(Viewer, { job: done });
    await user.click(screen.getByRole('radio', { name: 'Frames' }));
    const slider = await screen.findByRole('slider', { name: /Go through the painting/ });
    expect(slider).toHaveAttribute('aria-valuetext', 'Step 5');
    vi.unstubAllGlobals();
  });

  it('shows the photo alone before anything is painted', () => {
    render(Viewer, { job: job({ status: 'queued' }) });
    expect(screen.getByAltText('The photo of cat in impasto')).toHaveAttribute('src', '/api/v1/jobs/1/content?thumb=1');
    expect(screen.queryByRole('button')).not.toBeInTheDocument();
  });
});

describe('StylePanel', () => {
  const sample = (name: string) => ({ name, title: name, url: `/${name}`, thumb: `/${name}?thumb=1` });
  const chosen = () => studio.styles.map(({ picture }) => picture.name);

  beforeEach(() => {
    studio.document = DOCUMENT;
    studio.styles = [];
    studio.styleSamples = [sample('Impasto'), sample('Mosaic'), sample('Cubist')];
  });

  it('replaces the style by a click, adds one by +, and keeps one that is clicked again', async () => {
    render(StylePanel, { accept: '' });
    expect(screen.queryByRole('button', { name: /^Add/ })).not.toBeInTheDocument();
    await user.click(screen.getByRole('button', { name: 'Use Impasto' }));
    await user.click(screen.getByRole('button', { name: 'Use Mosaic' }));
    expect(chosen()).toEqual(['Mosaic']);
    await user.click(screen.getByRole('button', { name: 'Add Impasto to the styles' }));
    expect(chosen()).toEqual(['Mosaic', 'Impasto']);
    expect(screen.queryByRole('button', { name: /^Add/ })).not.toBeInTheDocument();
    await user.click(screen.getByRole('button', { name: 'Use Mosaic' }));
    expect(chosen()).toEqual(['Mosaic', 'Impasto']);
    await user.click(screen.getByRole('button', { name: 'Remove Mosaic' }));
    expect(chosen()).toEqual(['Impasto']);
  });

  it('has a button with a name of its own', () => {
    render(StylePanel, { accept: '' });
    expect(screen.getByRole('button', { name: 'Choose a style' })).toBeInTheDocument();
  });
});

describe('ContentPanel', () => {
  const photo = { source: { kind: 'sample', name: 'cat', address: '/cat' }, name: 'cat.jpg', url: '/cat' } as const;

  beforeEach(() => {
    URL.createObjectURL = () => 'blob:area';
    URL.revokeObjectURL = vi.fn();
    studio.document = DOCUMENT;
    studio.preset = 'quality';
    studio.changes = {};
    studio.setContent({ ...photo, size: null, format: null, bytes: null });
  });

  it('protects faces or people, and nothing in a draft', async () => {
    render(ContentPanel, { accept: '' });
    expect(screen.getByRole('radio', { name: 'Nothing' })).toBeChecked();
    await user.click(screen.getByRole('radio', { name: 'Faces' }));
    expect(studio.order?.changes).toEqual({ protect: 'faces' });
    expect(screen.queryByText(/A draft does not protect/)).not.toBeInTheDocument();
    studio.choosePreset('draft');
    expect(await screen.findByText(/A draft does not protect/)).toBeInTheDocument();
    expect(studio.order?.changes).toEqual({});
  });

  it('says that a small photo is enlarged', async () => {
    render(ContentPanel, { accept: '' });
    expect(screen.queryByText(/is enlarged/)).not.toBeInTheDocument();
    studio.setContent({ ...photo, size: [20, 20], format: 'PNG', bytes: 90 });
    expect(await screen.findByText(/has only 20 × 20 pixels. It is enlarged to 512 pixels/)).toBeInTheDocument();
  });

  it('shows the area to keep, which goes with the photo it was painted on', async () => {
    studio.setDetailMap(new Blob(['white']));
    render(ContentPanel, { accept: '' });
    expect(screen.getByRole('link', { name: 'Save the area to keep as a picture' })).toHaveAttribute(
      'download',
      'cat-detail-map.png',
    );
    expect(studio.order?.detailMap?.url).toBe('blob:area');
    await user.click(screen.getByRole('button', { name: 'Remove cat.jpg' }));
    expect(studio.detailMap).toBeNull();
    expect(URL.revokeObjectURL).toHaveBeenCalledWith('blob:area');
  });
});

describe('JobEnd', () => {
  it('says how far the painting is from photo and style', () => {
    const distances = {
      judge: 'vgg19',
      content: 0.2131,
      style: 0.3,
      precision: 0.25,
      coverage: 0.3,
      worst_tenth: 0.52,
      gram: 0.06,
    };
    const result = {
      size: [512, 341] as [number, number],
      steps: 180,
      frames: null,
      evaluations: 190,
      stop_reason: 'total_iterations' as const,
      changes: [],
      stopped_after: null,
      model: 'vgg16',
      device: 'cpu',
      precision: 'bf16',
      distances,
      notice: null,
      content_type: 'image/png',
    };
    render(JobEnd, { job: job({ status: 'succeeded', result }) });
    expect(
      screen.getByText('Distance from the photo 0.21, from the style 0.30 (worst tenth 0.52).'),
    ).toHaveAttribute('title', expect.stringContaining('vgg19'));
  });

  it('says that there was nothing to protect', () => {
    const result = { ...job().result, size: [512, 341], steps: 180, distances: null, notice: 'no face was found' } as Result;
    render(JobEnd, { job: job({ status: 'succeeded', result }) });
    expect(screen.getByText('Nothing was protected: no face was found.')).toBeInTheDocument();
  });

  it('says what went wrong, what the server says, and what to do', () => {
    render(JobEnd, { job: job({ status: 'failed', error: { code: 'out_of_memory', message: '9000×6000 pixels need more' } }) });
    const note = screen.getByRole('alert');
    expect(note).toHaveTextContent('does not fit into the memory');
    expect(note).toHaveTextContent('9000×6000 pixels need more');
    expect(note).toHaveTextContent('move Detail to the left');
  });

  it('is honest about a job that was stopped too early', () => {
    render(JobEnd, { job: job({ status: 'canceled' }) });
    expect(screen.getByText(/there is no picture/)).toBeInTheDocument();
  });
});

it('describes the curve to those who do not see it', () => {
  const points = [1, 2].map((step) => ({ step, content: 1, style: 10 / step, total_variation: 0, temporal: 0, total: 20 / step }));
  render(LossChart, { points, lastStep: 180 });
  expect(screen.getByRole('img')).toHaveAccessibleName('Progress over time up to step 2: distance from photo and style together fell from 20 to 10.',
  );
});

it('says what the curve shows', () => {
  const points = [1, 2].map((step) => ({ step, content: 1, style: 10 / step, total_variation: 0, temporal: 0, total: 20 / step }));
  render(LossChart, { points, lastStep: 180 });
  expect(screen.getByText('Progress over time')).toBeInTheDocument();
  expect(screen.getByText(/^Distance of the painting from photo and style/)).toBeInTheDocument();
  expect(screen.getByText('Step')).toBeInTheDocument();
  expect(screen.getByText('Distance (logarithmic)')).toBeInTheDocument();
});

it('draws each curve with another dash, not only in another colour', () => {
  const points = [1, 2].map((step) => ({ step, content: 1, style: 10 / step, total_variation: 0, temporal: 0, total: 20 / step }));
  render(LossChart, { points, lastStep: 180 });
  const dashes = [...document.querySelectorAll('path[stroke]')].map((path) => path.getAttribute('stroke-dasharray'));
  expect(dashes).toHaveLength(3);
  expect(new Set(dashes).size).toBe(3);
});

it('says in words with what a picture was painted', () => {
  const result = { size: [512, 341], model: 'vgg16', device: 'cpu', precision: 'bf16', changes: [] } as unknown as Result;
  const impasto = { name: 'impasto.jpg', size: [1024, 768] as [number, number], format: 'JPEG', sample: 'woodcut_waves' };
  const { pictures } = job();
  render(JobFacts, { job: job({ status: 'succeeded', result, pictures: { ...pictures, styles: [impasto] } }) });
  expect(screen.getAllByText('VGG-16').length).toBeGreaterThan(0);
  expect(screen.queryByText('vgg16')).not.toBeInTheDocument();
  expect(screen.getByText('CPU, bfloat16')).toBeInTheDocument();
  expect(screen.getByText('Woodcut waves')).toBeInTheDocument();
});

it('names values of options as the buttons do', () => {
  render(JobFacts, { job: job({ options: { color: 'match', style_loss: 'neighbors', average: true } }) });
  for (const text of ['Matched', 'Nearest neighbours', 'On']) expect(screen.getByText(text)).toBeInTheDocument();
});

it('copies a command', async () => {
  const recipe = { content: { name: 'cat.jpg' }, styles: [{ name: 'impasto.jpg' }], preset: 'draft', options: {} };
  const written = vi.spyOn(navigator.clipboard, 'writeText');
  render(Commands, { recipe });
  await user.click(screen.getByRole('button', { name: 'Copy: Command line' }));
  expect(written).toHaveBeenCalledWith('nst stylize cat.jpg impasto.jpg -o cat_impasto.png --preset draft');
});

it('offers to try again where that helps', async () => {
  const retry = vi.fn();
  render(ErrorNote, { problem: new Problem('offline'), retry });
  expect(screen.getByRole('alert')).toHaveTextContent('Check your connection');
  await user.click(screen.getByRole('button', { name: 'Try again' }));
  expect(retry).toHaveBeenCalledOnce();
});
