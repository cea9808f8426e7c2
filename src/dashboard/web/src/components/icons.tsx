// Small drawings, each one path on a 16 × 16 grid.

const PATHS = {
  search: "M7 2a5 5 0 1 0 3 9l3.5 3.5 1-1L11 10a5 5 0 0 0-4-8zm0 1.5a3.5 3.5 0 1 1 0 7 3.5 3.5 0 0 1 0-7z",
  columns: "M2 3h3.5v10H2zM6.5 3h3v10h-3zM10.500 3H14v10h-3.5z",
  close: "M4 3 3 4l4 4-4 4 1 1 4-4 4 4 1-1-4-4 4-4-1-1-4 4z",
  full: "M2 2h5v1.500H3.500V7H2zM14 14H9v-1.500h3.500V9H14zM9 2h5v5h-1.500V3.500H9zM7 14H2V9h1.500v3.500H7z",
  pin: "M9.500 1.500 14.500 6.500 13.500 7.500 12.800 7.200 10 10 10 12.500 9 13.500 6 10.500 2.500 14 2 14 2 13.500 5.500 10 2.500 7 3.500 6 6 6 8.800 3.200 8.500 2.500z",
  down: "M3 6l1-1 4 4 4-4 1 1-5 5z",
  download: "M7.250 2h1.500v6.500l2.200-2.200 1 1L8 11.200 4 7.300l1-1 2.200 2.200zM2.500 12.500h11V14h-11z",
  filter: "M2 3h12L9.500 8.500V13l-3-1.500v-3z",
  sun: "M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM7.300 1h1.400v2H7.300zM7.300 13h1.400v2H7.300zM1 7.300h2v1.400H1zM13 7.300h2v1.400h-2zM2.600 3.600l1-1L5 4 4 5zM11 12l1-1 1.400 1.400-1 1zM11 4l1.400-1.400 1 1L12 5zM2.600 12.400 4 11l1 1-1.400 1.400z",
  moon: "M6.500 2a6 6 0 1 0 7.500 7.500A5 5 0 0 1 6.500 2z",
  screen: "M2 3h12v8H9v1.500h2V14H5v-1.500h2V11H2zm1.500 1.500v5h9v-5z",
  help: "M8 1.500a6.500 6.500 0 1 0 0 13 6.500 6.500 0 0 0 0-13zm-.7 9h1.500V12H7.300zM8 4c-1.500 0-2.500.9-2.600 2.200h1.500c0-.6.4-1 1.100-1 .6 0 1 .4 1 .9 0 1-1.700 1.200-1.700 3.100h1.500c0-1.300 1.700-1.500 1.700-3.200C10.500 4.800 9.500 4 8 4z",
  trash: "M6 2h4v1h3.500v1.500h-11V3H6zM3.500 5.500h9L12 14H4z",
  tag: "M2 2h6l6 6-6 6-6-6zm2.500 1.500a1 1 0 1 0 0 2 1 1 0 0 0 0-2z",
  note: "M3 1.500h7l3 3v10H3zM4.500 3v10h7V6H9V3zM6 8h4v1.200H6zM6 10.300h4v1.200H6z",
  back: "M10 3l1 1-4 4 4 4-1 1-5-5z",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
      <path d={PATHS[name]} fill="currentColor" fill-rule="evenodd" />
    </svg>
  );
}
