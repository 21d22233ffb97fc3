/* Dark and light: as the system has it, until somebody chooses. */
import { computed, signal } from '@preact/signals';

export type Theme = 'system' | 'light' | 'dark';
const KEY = 'slipway.theme';

function stored(): Theme {
    try {
        const word = localStorage.getItem(KEY);
        return word === 'light' || word === 'dark' ? word : 'system';
    } catch {
        return 'system'; /* storage is forbidden */
    }
}

export const theme = signal<Theme>(stored());

const system = matchMedia('(prefers-color-scheme: dark)');
const systemDark = signal(system.matches);
system.addEventListener('change', () => {
    systemDark.value = system.matches;
});
export const isDark = computed(() => theme.value === 'dark' || (theme.value === 'system' && systemDark.value));

export function applyTheme(): void {
    if (theme.value === 'system') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme.value;
}

export function chooseTheme(to: Theme): void {
    theme.value = to;
    applyTheme();
    try {
        localStorage.setItem(KEY, to);
    } catch {
        /* it holds until the page is closed */
    }
}
