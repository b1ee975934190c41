import { flushSync } from 'svelte';
import { afterEach, beforeEach, expect, it, vi, type MockInstance } from 'vitest';
import * as draft from './draft';
import { DOCUMENT } from './fixtures';
import { liveDraft } from './live-draft.svelte';
import { studio } from './studio.svelte';
import type { Picture } from './submission';

const sample = (name: string): Picture => ({
  source: { kind: 'sample', name, address: `/${name}` },
  name,
  url: `/${name}`,
  size: null,
  format: null,
  bytes: null,
});

let paint: MockInstance<typeof draft.paintDraft>;
let stop: () => void;

/** Applies the changes, and lets the delay before a draft pass. */
async function settle(): Promise<void> {
  flushSync();
  await vi.advanceTimersByTimeAsync(1000);
}

const turnPage = (type: 'pagehide' | 'pageshow', persisted: boolean) =>
  dispatchEvent(Object.assign(new Event(type), { persisted }));

beforeEach(async () => {
  vi.useFakeTimers();
  let count = 0;
  URL.createObjectURL = () => `blob:${++count}`;
  URL.revokeObjectURL = vi.fn();
  paint = vi.spyOn(draft, 'paintDraft').mockReturnValue(new Promise(() => undefined));
  studio.document = DOCUMENT;
  studio.preset = 'quality';
  studio.setContent(sample('cat'));
  studio.styles = [{ id: 1, picture: sample('impasto'), blend: 50, mask: null }];
  paint.mockResolvedValueOnce(new Blob(['draft']));
  stop = liveDraft.follow();
  await settle();
});

afterEach(() => {
  stop();
  vi.useRealTimers();
});

it('shows no draft of the photo before', async () => {
  expect(liveDraft.url).toBe('blob:1');
  studio.setContent(sample('coffee'));
  await settle();
  expect(paint).toHaveBeenCalledTimes(2);
  expect(liveDraft.isPainting).toBe(true);
  expect(liveDraft.url).toBeNull();
});

it.each(['quality', 'draft'])('shows a draft until the next one of the same photo is painted, with preset %s', async (preset) => {
  studio.preset = preset;
  studio.styles = [{ id: 2, picture: sample('mosaic'), blend: 50, mask: null }];
  await settle();
  expect(paint).toHaveBeenCalledTimes(2);
  expect(liveDraft.url).toBe('blob:1');
});

it('paints one draft of each photo', async () => {
  paint.mockResolvedValueOnce(new Blob(['draft']));
  studio.setContent(sample('coffee'));
  await settle();
  await settle();
  expect(liveDraft.url).toBe('blob:2');
  expect(paint).toHaveBeenCalledTimes(2);
});

it('is painted again when the browser shows a page that it has kept', async () => {
  studio.setContent(sample('coffee'));
  await settle();
  turnPage('pagehide', true);
  expect(paint.mock.lastCall?.[1].reason).toBe(draft.PAGE_CLOSES);
  paint.mockResolvedValueOnce(new Blob(['draft']));
  turnPage('pageshow', true);
  await settle();
  expect(paint).toHaveBeenCalledTimes(3);
  expect(liveDraft.url).toBe('blob:2');
  expect(liveDraft.isPainting).toBe(false);
});

it('is painted once when a page is loaded', async () => {
  turnPage('pageshow', false);
  await settle();
  expect(paint).toHaveBeenCalledOnce();
});
