import 'fake-indexeddb/auto';
import { beforeEach, describe, expect, it, vi, type MockInstance } from 'vitest';
import * as api from './api';
import * as files from './files';
import { DOCUMENT, job, PATIENCE } from './fixtures';
import type { Table } from './kept-studio';
import { loadLooks, lookFile } from './looks';
import { LEARNED_FORMAT } from './learned.svelte';
import { notices } from './notices.svelte';
import { studio } from './studio.svelte';
import type { Picture, Source } from './submission';

const picture = (source: Source, name: string): Picture => ({ source, name, url: null, size: null, format: null, bytes: null });
const sample = (name: string) => picture({ kind: 'sample', name, address: `/${name}` }, name);
const learned = () => ({ ...picture({ kind: 'learned', id: 'l', address: '/l' }, 'waves'), format: LEARNED_FORMAT });
const names = () => studio.styles.map((style) => style.picture.name);

beforeEach(() => {
  studio.document = DOCUMENT;
  studio.content = sample('cat');
  studio.more = [];
  studio.eachAlone = false;
  studio.styles = [];
  studio.changes = {};
  notices.list = [];
});

describe('placing a style of unknown role', () => {
  it('replaces a learned style', () => {
    studio.place(learned(), 'style');
    studio.place(sample('impasto'), null);
    expect(names()).toEqual(['impasto']);
    expect(notices.list).toEqual([]);
  });

  it('takes the place of a missing photo, and then the learned style stays', () => {
    studio.content = null;
    studio.place(learned(), 'style');
    studio.place(sample('coffee'), null);
    expect(studio.content).toMatchObject({ name: 'coffee' });
    expect(names()).toEqual(['waves']);
  });
});

describe('a set', () => {
  beforeEach(() => {
    studio.more = [sample('coffee')];
    studio.place(sample('impasto'), 'style');
  });

  it('of one painting for each style ends with a film, which is painted in all of its styles', () => {
    studio.place(sample('mosaic'), 'style');
    studio.eachAlone = true;
    expect(studio.orders).toHaveLength(4);
    studio.content = { ...sample('walk'), film: { seconds: 2, frames: 50, passes: 1 } };
    expect(studio.orders).toHaveLength(1);
  });

  it('ends when a job is loaded', () => {
    studio.eachAlone = true;
    studio.remix(job());
    expect([studio.more, studio.eachAlone]).toEqual([[], false]);
  });

  it('says that it was stopped by the visitor', async () => {
    vi.stubGlobal('fetch', () => Promise.resolve(Response.json(DOCUMENT)));
    const stop = new AbortController();
    vi.spyOn(api, 'submitJob').mockImplementationOnce(() => {
      stop.abort();
      return Promise.resolve(job());
    });
    expect(await studio.startSet(() => undefined, stop.signal)).toHaveLength(1);
    expect(notices.list.map(({ text }) => text)).toEqual(['You stopped after 1 of 2 paintings; these have been started.']);
  });

  it('says why there are no more, without words of the server, too', async () => {
    vi.spyOn(api, 'submitJob').mockResolvedValueOnce(job()).mockRejectedValueOnce(new api.Problem('offline'));
    await studio.startSet(() => undefined, new AbortController().signal);
    expect(notices.list[0]?.text).toContain('The server cannot be reached.');
  });
});

describe('a file', () => {
  const scan = (name: string) => new File(['bytes'], name);
  const said = () => notices.list.map(({ text }) => text);

  beforeEach(() => {
    studio.content = null;
    URL.createObjectURL = (file: Blob) => `blob:${(file as File).name}`;
    URL.revokeObjectURL = () => undefined;
  });

  /** Lets the server answer later what a file shows. */
  function slowly() {
    const answers: (() => void)[] = [];
    vi.spyOn(files, 'checkPicture').mockResolvedValue({ format: 'TIFF', size: null });
    vi.spyOn(api, 'seeUpright').mockImplementation(
      () => new Promise((resolve) => answers.push(() => { resolve({ picture: new Blob(), size: [6, 4] }); })),
    );
    return answers;
  }

  it('that was moved is named', async () => {
    const file = new File(['bytes'], 'cat.jpg');
    file.slice = () => {
      throw new DOMException('gone', 'NotFoundError');
    };
    await studio.addFiles([file], 'content');
    expect(said()).toEqual(['cat.jpg cannot be opened; it may have been moved or changed. Choose it again.']);
  });

  it('of a learned style says why it cannot be uploaded, without words of the server, too', async () => {
    vi.spyOn(api, 'addLearnedStyle').mockRejectedValue(new api.Problem('offline'));
    await studio.addFiles([new File(['bytes'], 'waves.nst')], null);
    expect(said()[0]).toContain('The server cannot be reached.');
  });

  it('that takes long to read is named meanwhile, and replaces no newer choice', async () => {
    const answers = slowly();
    const added = studio.addFiles([scan('scan.tiff')], 'content');
    await vi.waitFor(() => {
      expect(said()).toEqual(['Reading scan.tiff …']);
    }, PATIENCE);
    studio.place(sample('coffee'), 'content');
    answers[0]?.();
    await added;
    expect(studio.content).toMatchObject({ name: 'coffee' });
    expect(said()).toEqual([]);
  });

  it('replaces an older choice, whichever is read first', async () => {
    const answers = slowly();
    const added = ['old.tiff', 'new.tiff'].map((name) => studio.addFiles([scan(name)], 'content'));
    await vi.waitFor(() => {
      expect(answers).toHaveLength(2);
    }, PATIENCE);
    for (const answer of answers) answer();
    await Promise.all(added);
    expect(studio.content).toMatchObject({ name: 'new.tiff' });
  });
});

describe('several files', () => {
  const photos = () => [studio.content, ...studio.more].map((photo) => photo?.name);
  const chosen = (...names: string[]) => names.map((name) => new File([name === 'bad.jpg' ? 'text' : 'bytes'], name));

  beforeEach(() => {
    studio.content = null;
    URL.createObjectURL = (file: Blob) => `blob:${(file as File).name}`;
    URL.revokeObjectURL = () => undefined;
    vi.spyOn(files, 'checkPicture').mockImplementation((file) =>
      file.name === 'bad.jpg' ? Promise.reject(new files.WrongFile('bad')) : Promise.resolve({ format: 'PNG', size: [6, 4] }),
    );
  });

  it('begin with the first that can be used', async () => {
    await studio.addFiles(chosen('bad.jpg', 'one.jpg', 'two.jpg'), 'content');
    expect(photos()).toEqual(['one.jpg', 'two.jpg']);
  });

  it('are not lost if the photo is removed while another one is read', async () => {
    studio.content = sample('cat');
    const added = studio.addFiles(chosen('one.jpg', 'two.jpg'), 'more');
    studio.removeContent();
    await added;
    expect(photos()).toEqual(['one.jpg', 'two.jpg']);
  });
});

describe('a stored studio', () => {
  const own = (name: string) => picture({ kind: 'file', file: new File(['bytes'], name) }, name);
  const mask = { file: new Blob(), url: 'blob:mask' };

  /** Opens the studio as after a reload; the server has no job any more. */
  async function reopened(stored: Pick<Table, 'content' | 'more'>) {
    vi.resetModules();
    const server = await import('./api');
    vi.spyOn(server, 'getOptions').mockResolvedValue(DOCUMENT);
    for (const list of ['getStyles', 'getContents', 'getLearnedStyles'] as const) vi.spyOn(server, list).mockResolvedValue([]);
    vi.spyOn(server, 'getJob').mockRejectedValue(new server.Problem('job_not_found', '', 404));
    const style = { id: 1, picture: own('style.jpg'), blend: 50, mask };
    const rest = { styles: [style], eachAlone: false, detailMap: mask, preset: 'quality', changes: {}, repeated: null };
    vi.spyOn(await import('./kept-studio'), 'recallTable').mockResolvedValue({ ...stored, ...rest });
    const again = (await import('./studio.svelte')).studio;
    await again.load();
    return again;
  }

  it('has its further photos, without the first if that was the photo of a job deleted since', async () => {
    const ofJob = picture({ kind: 'job', id: '1', index: null, count: 1, address: '/content' }, 'gone.jpg');
    const again = await reopened({ content: ofJob, more: [own('one.jpg'), own('two.jpg')] });
    expect(again.content).toMatchObject({ name: 'one.jpg' });
    expect(again.more).toMatchObject([{ name: 'two.jpg' }]);
    expect([again.detailMap, again.styles[0]?.mask]).toEqual([null, null]);
  });

  it('has the masks of its photo', async () => {
    const again = await reopened({ content: own('me.jpg'), more: [own('one.jpg')] });
    expect(again.content).toMatchObject({ name: 'me.jpg' });
    expect(again.more).toMatchObject([{ name: 'one.jpg' }]);
    expect([again.detailMap, again.styles[0]?.mask]).toEqual([mask, mask]);
  });

  it('is empty without photos', async () => {
    expect(await reopened({ content: null, more: [] })).toMatchObject({ content: null, more: [] });
  });
});

describe('looks', () => {
  const names = (looks: { name: string }[]) => looks.map(({ name }) => name);

  beforeEach(() => {
    localStorage.clear();
    studio.looks = [];
  });

  it('of two tabs are kept beside one another', async () => {
    vi.resetModules();
    const other = (await import('./studio.svelte')).studio;
    studio.keepLook('Bold');
    other.keepLook('Soft');
    expect(names(loadLooks())).toEqual(['Bold', 'Soft']);
    await studio.addFiles([lookFile({ name: 'Wild', preset: 'quality', options: {} })], null);
    expect(names(loadLooks())).toEqual(['Bold', 'Soft', 'Wild']);
    other.dropLook('Soft');
    expect(names(loadLooks())).toEqual(['Bold', 'Wild']);
    dispatchEvent(new StorageEvent('storage', { key: 'nst-looks' }));
    expect(names(studio.looks)).toEqual(['Bold', 'Wild']);
    localStorage.clear();
    dispatchEvent(new StorageEvent('storage', { key: null }));
    expect(studio.looks).toEqual([]);
  });

  it('are kept until a reload where the browser stores nothing', () => {
    vi.spyOn(Storage.prototype, 'setItem').mockImplementation(() => {
      throw new DOMException('full', 'QuotaExceededError');
    });
    for (const name of ['Bold', 'Soft']) studio.keepLook(name);
    expect(names(studio.looks)).toEqual(['Bold', 'Soft']);
  });
});

describe('a submission whose answer is lost', () => {
  const lost = () => Promise.reject(new api.Problem('offline'));
  const taken = () => Promise.resolve(job());
  const ignore = () => undefined;
  const { signal } = new AbortController();
  let submit: MockInstance<typeof api.submitJob>;

  beforeEach(() => {
    submit = vi.spyOn(api, 'submitJob').mockReset().mockImplementation(taken);
    studio.place(sample('impasto'), 'style');
  });

  const keys = () => submit.mock.calls.splice(0).map(([, key]) => key);
  const seeds = () => submit.mock.calls.map(([form]) => form.get('seed'));

  it('keeps the keys of a set until all of its orders are accepted', async () => {
    studio.more = [sample('coffee')];
    submit.mockImplementationOnce(taken).mockImplementationOnce(lost);
    await studio.startSet(ignore, signal);
    const first = keys();
    await studio.startSet(ignore, signal);
    expect(keys()).toEqual(first);
    await studio.startSet(ignore, signal);
    expect(keys().filter((key) => first.includes(key))).toEqual([]);
  });

  it('keeps keys and seeds of variations, which have others next time', async () => {
    submit.mockImplementationOnce(lost);
    await expect(studio.startFour('seed', ignore, signal)).rejects.toMatchObject({ code: 'offline' });
    const [seed] = seeds();
    const [key] = keys();
    await studio.startFour('seed', ignore, signal);
    expect(seeds()[0]).toBe(seed);
    expect(keys()[0]).toBe(key);
    await studio.startFour('seed', ignore, signal);
    expect(seeds()[0]).not.toBe(seed);
  });
});

it('stops while an image of the server is fetched for the submission', async () => {
  const stop = new AbortController();
  studio.styles = [];
  studio.place(sample('impasto'), 'style');
  studio.place(picture({ kind: 'file', file: new File(['bytes'], 'own.png') }, 'own.png'), 'style');
  vi.stubGlobal('fetch', (_: string, { signal }: RequestInit) => {
    stop.abort();
    return Promise.reject(signal?.reason as Error);
  });
  const submit = vi.spyOn(api, 'submitJob').mockReset();
  await expect(studio.start(() => undefined, stop.signal)).rejects.toMatchObject({ code: 'upload_stopped' });
  expect(submit).not.toHaveBeenCalled();
});
