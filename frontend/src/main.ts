import { mount } from 'svelte';
import './app.css';
import App from './App.svelte';
import { language } from './lib/language.svelte';
import { worksOffline } from './lib/offline';
import { followLinks } from './lib/router.svelte';

followLinks();
if (import.meta.env.PROD) worksOffline();
void language.begin().then(() => mount(App, { target: document.getElementById('app') as HTMLElement }));
