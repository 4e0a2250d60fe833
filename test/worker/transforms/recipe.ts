/** A fenced block of a page, with the name of the file that it is said to be. */
export interface Block {
  language: string
  text: string
  /** From the paragraph right before, where that begins with a name in backticks. */
  file: string | undefined
}

export function blocksOf(markdown: string): Block[] {
  const blocks = markdown.matchAll(
    /(?:^`(?<file>[\w.-]+\.\w+)`[^\n]*:\n\n)?^```(?<language>\w+)\n(?<text>[\s\S]*?)^```$/gm,
  )
  return [...blocks].map(({ groups = {} }) => ({
    language: groups.language ?? '',
    text: groups.text ?? '',
    file: groups.file,
  }))
}
