/**
 * Formats rows of cells as aligned columns: the first column to the left, the others to the right. Lines have no
 * trailing spaces.
 */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const columns = Math.max(0, ...rows.map(row => row.length))
  const widths = Array.from({ length: columns }, (_, column) => Math.max(...rows.map(row => row[column]?.length ?? 0)))
  const line = (row: readonly string[]) =>
    widths.map((width, column) => pad(row[column] ?? '', width, column)).join('   ')
  return rows.map(row => line(row).trimEnd()).join('\n')
}

function pad(cell: string, width: number, column: number): string {
  return column === 0 ? cell.padEnd(width) : cell.padStart(width)
}
