import { type Format, hexDump, jsonTokens, textOf } from './data-text.ts'

/** Data as JSON, text or a hex dump. With `auto`, the first of them that fits. */
export function DataText({ data, isCut, format }: { data: Uint8Array; isCut: boolean; format: Format }) {
  const text = format === 'hex' ? undefined : textOf(data, isCut)
  const tokens = text === undefined || format !== 'auto' ? undefined : jsonTokens(text)
  return (
    <pre
      class="data"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, also by keyboard
      tabIndex={0}
    >
      {tokens
        ? tokens.map(({ kind, text: part }, index) => (
            <span key={index} class={`json-${kind}`}>
              {part}
            </span>
          ))
        : (text ?? hexDump(data))}
    </pre>
  )
}
