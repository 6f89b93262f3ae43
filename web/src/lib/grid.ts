/** How many tiles of 16:9 stand side by side. Pure. */
export interface Grid {
  columns: number
  rows: number
}

export const FIXED: Record<string, Grid> = {
  '1': { columns: 1, rows: 1 },
  '4': { columns: 2, rows: 2 },
  '9': { columns: 3, rows: 3 },
  '12': { columns: 4, rows: 3 },
  '16': { columns: 4, rows: 4 },
  '20': { columns: 5, rows: 4 },
}

const RATIO = 16 / 9
const GAP = 8

/**
 * The grid that shows the most picture in `width` × `height` px for `count` tiles: at most `most` tiles, none narrower
 * than `least` px unless there is no other way.
 */
export function bestGrid(width: number, height: number, count: number, most = 12, least = 280): Grid {
  let best: Grid = { columns: 1, rows: 1 }
  let bestScore = -1
  for (let columns = 1; columns <= 6; columns += 1) {
    for (let rows = 1; rows <= 6; rows += 1) {
      const tiles = columns * rows
      if (tiles > most || (tiles > 1 && (tiles - columns >= count || tiles - rows >= count))) continue
      const cellWidth = (width - GAP * (columns - 1)) / columns
      const cellHeight = (height - GAP * (rows - 1)) / rows
      const pictureWidth = Math.min(cellWidth, cellHeight * RATIO)
      if (pictureWidth < least && tiles > 1) continue
      const covered = (Math.min(tiles, count) * pictureWidth * (pictureWidth / RATIO)) / (width * height)
      const score = covered + Math.min(tiles, count) * 0.012
      if (score > bestScore) {
        bestScore = score
        best = { columns, rows }
      }
    }
  }
  return best
}

export function pageCount(count: number, grid: Grid): number {
  return Math.max(1, Math.ceil(count / (grid.columns * grid.rows)))
}
