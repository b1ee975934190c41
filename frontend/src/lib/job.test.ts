import { expect, it } from 'vitest';
import { cliCommand } from './commands';
import { DOCUMENT, job } from './fixtures';
import { changesOf, commandOfJob, usedOptions } from './job';
import type { Result } from './types';

const result: Result = {
  size: [512, 341],
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

it('names the network that was used, wherever it is named', () => {
  const done = job({ options: { size: 512, model: 'vgg19' }, result });
  expect(usedOptions(done)['model']).toBe('vgg16');
  expect(usedOptions(job({ options: { model: 'vgg19' } }))['model']).toBe('vgg19');
});

it('makes a command of a steered and stopped job that paints the same', () => {
  const done = job({ status: 'canceled', result });
  done.pictures.content.sample = 'cat';
  const command = cliCommand(commandOfJob(done, DOCUMENT));
  expect(command).toMatch(/^nst stylize sample:cat impasto.jpg /);
  expect(command).toContain(' --steer 41:strength=0.8 --stop-after 60');
  expect(changesOf(done)).toEqual(result.changes);
});

it('names masks, detail map and initial image in the command', () => {
  const info = (name: string) => ({ name, size: [96, 64] as [number, number], format: 'PNG', sample: null });
  const pictures = { ...job().pictures, masks: [info('sky.png')], detail_map: info('eyes.png'), initial: info('cat.png') };
  const command = cliCommand(commandOfJob(job({ pictures }), DOCUMENT));
  expect(command).toContain(' --style-mask sky.png --detail-map eyes.png --init-image cat.png ');
});
