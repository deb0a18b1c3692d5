/** Images are metadata only; the format allows no more than this, and no tool accepts it (composefs.md §3.12). */
export const maxImageBytes = 2 ** 30
