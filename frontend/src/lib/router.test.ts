import { describe, expect, it, vi } from 'vitest';
import { PATIENCE } from './fixtures';
import { followLinks, go, here, isOurs, routeOf } from './router.svelte';

describe('routeOf', () => {
  it.each([
    ['/', { name: 'home' }],
    ['/studio', { name: 'studio' }],
    ['/studio/', { name: 'studio' }],
    ['/jobs', { name: 'history' }],
    ['/jobs/0a1b', { name: 'job', id: '0a1b' }],
    ['/shared/a%2Fb', { name: 'shared', token: 'a/b' }],
    ['/variations/a,b', { name: 'variations', ids: ['a', 'b'] }],
    ['/set/a,b', { name: 'set', ids: ['a', 'b'] }],
    ['/live', { name: 'live' }],
    ['/about', { name: 'about' }],
    ['/about/more', { name: 'missing' }],
    ['/jobs/1/2', { name: 'missing' }],
    ['/nothing', { name: 'missing' }],
    ['/jobs/%', { name: 'job', id: '%' }],
  ])('%s', (path, route) => {
    expect(routeOf(path)).toEqual(route);
  });
});

function link(href: string, attributes: Record<string, string> = {}): HTMLAnchorElement {
  const element = document.createElement('a');
  element.href = href;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

describe('isOurs', () => {
  const click = (init: MouseEventInit = {}) => new MouseEvent('click', init);

  it('takes plain clicks on links to pages', () => {
    expect(isOurs(click(), link('/studio'))).toBe(true);
  });

  it.each([
    ['a new tab by Ctrl', click({ ctrlKey: true }), link('/studio')],
    ['the middle button', click({ button: 1 }), link('/studio')],
    ['a target', click(), link('/studio', { target: '_blank' })],
    ['a download', click(), link('/studio', { download: '' })],
    ['another host', click(), link('https://example.org/studio')],
    ['the API', click(), link('/api/docs')],
  ])('leaves %s to the browser', (_, event, element) => {
    expect(isOurs(event, element)).toBe(false);
  });
});

describe('going somewhere', () => {
  it('changes address and route, and the way back', async () => {
    followLinks();
    await go('/jobs?status=failed');
    expect(location.pathname).toBe('/jobs');
    expect(here.route).toEqual({ name: 'history' });
    expect(here.query.get('status')).toBe('failed');

    const element = link('/jobs/7');
    element.append(document.createElement('img'));
    document.body.append(element);
    element.querySelector('img')?.dispatchEvent(new MouseEvent('click', { bubbles: true, cancelable: true }));
    expect(here.route).toEqual({ name: 'job', id: '7' });

    history.back();
    await vi.waitFor(() => {
      expect(here.route).toEqual({ name: 'history' });
    }, PATIENCE);
  });
});
