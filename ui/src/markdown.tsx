/* Markdown of other people, shown without trust: marked reads it, and what it read becomes elements one by one from the
 * table here. No text is ever taken as HTML, links go to http, https and mailto only, and images, which would tell
 * their owner who reads the page, are links. */
import { lexer, type Token, type Tokens } from 'marked';
import type { ComponentChildren } from 'preact';

const SIZE_MAX = 1 << 20;

export function safeLink(href: string): string | null {
    try {
        const url = new URL(href, location.href);
        return ['http:', 'https:', 'mailto:'].includes(url.protocol) ? url.href : null;
    } catch {
        return null;
    }
}

function Link({ href, children }: { href: string; children: ComponentChildren }) {
    const safe = safeLink(href);
    return safe ? <a href={safe} target="_blank" rel="noopener noreferrer nofollow">{children}</a> : <>{children}</>;
}

/* Text keeps its entities in marked's tokens. */
const entities: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': '\'', nbsp: '\u00a0' };
function unescape(text: string): string {
    return text.replace(/&(amp|lt|gt|quot|#39|nbsp);/g, (_, name: string) => entities[name]!);
}

function Table({ t }: { t: Tokens.Table }) {
    return (
        <div class="scroll" tabIndex={0} role="region" aria-label="Table">
            <table>
                <thead><tr>{t.header.map((c) => <th scope="col">{all(c.tokens)}</th>)}</tr></thead>
                <tbody>{t.rows.map((r) => <tr>{r.map((c) => <td>{all(c.tokens)}</td>)}</tr>)}</tbody>
            </table>
        </div>
    );
}

function Item({ item }: { item: Tokens.ListItem }) {
    return (
        <li class={item.task ? 'task' : undefined}>
            {item.task ? <span role="img" aria-label={item.checked ? 'done' : 'open'}>{item.checked ? '☑ ' : '☐ '}</span> : null}
            {all(item.tokens)}
        </li>
    );
}

function heading(t: Tokens.Heading): ComponentChildren {
    /* The page has its own h1 and h2. */
    const Tag = `h${Math.min(6, t.depth + 2)}` as 'h3';
    return <Tag>{all(t.tokens)}</Tag>;
}

function one(t: Token): ComponentChildren {
    switch (t.type) {
    case 'heading': return heading(t as Tokens.Heading);
    case 'paragraph': return <p>{all(t.tokens)}</p>;
    case 'text': return 'tokens' in t && t.tokens ? all(t.tokens) : unescape(t.raw);
    case 'escape': return unescape((t as Tokens.Escape).text);
    case 'strong': return <strong>{all(t.tokens)}</strong>;
    case 'em': return <em>{all(t.tokens)}</em>;
    case 'del': return <del>{all(t.tokens)}</del>;
    case 'codespan': return <code>{unescape((t as Tokens.Codespan).text)}</code>;
    case 'code': return <pre tabIndex={0}><code>{(t as Tokens.Code).text}</code></pre>;
    case 'blockquote': return <blockquote>{all(t.tokens)}</blockquote>;
    case 'br': return <br />;
    case 'hr': return <hr />;
    case 'link': return <Link href={(t as Tokens.Link).href}>{all(t.tokens)}</Link>;
    case 'image': return <Link href={(t as Tokens.Image).href}>{(t as Tokens.Image).text || 'image'}</Link>;
    case 'list': {
        const list = t as Tokens.List;
        const items = list.items.map((item) => <Item item={item} />);
        return list.ordered ? <ol start={Number(list.start) || 1}>{items}</ol> : <ul>{items}</ul>;
    }
    case 'table': return <Table t={t as Tokens.Table} />;
    case 'html': return /^<br\s*\/?>$/i.test(t.raw.trim()) ? <br /> : t.raw.replace(/<!--[\s\S]*?-->/g, '');
    default: return null; /* definitions, space */
    }
}

function all(tokens: Token[] | undefined): ComponentChildren {
    return (tokens ?? []).map(one);
}

export function Markdown({ text }: { text: string }) {
    return <div class="markdown">{all(lexer(text.slice(0, SIZE_MAX)))}</div>;
}
