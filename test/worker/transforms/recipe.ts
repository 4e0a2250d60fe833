/** A fenced block of a page, with the name of its file. */
export interface Block {
  language: string
  text: string
  /** The name in backticks at the start of the paragraph before the block, or after `Create`, if there is one. */
  file: string | undefined
}

export function blocksOf(markdown: string): Block[] {
  const blocks = markdown.matchAll(
    /(?:^(?:Create )?`(?<file>[\w.-]+\.\w+)`[^\n]*:\n\n)?^```(?<language>\w+)\n(?<text>[\s\S]*?)^```$/gm,
  )
  return [...blocks].map(({ groups = {} }) => ({
    language: groups.language ?? '',
    text: groups.text ?? '',
    file: groups.file,
  }))
}
